import { Command, type CommandUnknownOpts } from "commander";
import { counted } from "../lib/text/format-size.ts";
import type { Edge } from "./frame/edge.ts";
import { wholeNumber } from "./frame/parsers.ts";
import type { Worker } from "../operations/migrate/worker.ts";
import type { Column } from "./frame/output.ts";
import type { WorkerLine, WorkerResult } from "./results/schemas/migrate.ts";

export function workerCommand(edge: Edge): CommandUnknownOpts {
  const worker = new Command("worker")
    .description("copy ranges of migrations that run elsewhere; Ctrl-C or SIGTERM ends it after the blobs in progress")
    .option("--concurrency <number>", "blobs copied in parallel", wholeNumber(1, 1024))
    .option("--once", "end when there is nothing to copy")
    .action(async (options, command) =>
      edge.act<WorkerLine>(command, async (context, out) => {
        const { runWorker } = await import("../operations/migrate/worker.ts");
        const { workerLine } = await import("./results/migrate.ts");
        const { concurrency = context.concurrency, once = false } = options;
        // the first Ctrl-C drains: the worker finishes the blobs in progress. The second ends the process, as
        // everywhere.
        const unaborted = { ...context, concurrency, signal: new AbortController().signal };
        const events = runWorker(unaborted, { once, drain: context.signal });
        out.note("waiting for migrations");
        for await (const event of events) {
          if (event.type === "summary")
            await out.event(workerLine(event), `worker ${event.worker} did ${counted(event.ranges, "range")}`);
          else {
            const what = `range ${event.number} of migration ${event.migration}`;
            await out.event(
              workerLine(event),
              event.outcome === "done" ? `${what}: done` : `${what}: given back: ${event.reason ?? ""}`,
            );
          }
        }
      }),
    );

  worker
    .command("list")
    .description("list the workers of the last day")
    .action(async (_options, command) =>
      edge.act<WorkerResult>(command, async (context, out) => {
        const { listWorkers } = await import("../operations/migrate/worker.ts");
        const { workerResult } = await import("./results/migrate.ts");
        const columns: Column<Worker>[] = [
          { title: "id", value: (each) => String(each.id), right: true },
          { title: "state", value: (each) => each.state },
          { title: "host", value: (each) => each.host },
          { title: "pid", value: (each) => String(each.pid), right: true },
          { title: "started", value: (each) => each.startedAt.toISOString() },
          { title: "seen", value: (each) => each.seenAt.toISOString() },
          { title: "ranges", value: (each) => String(each.ranges), right: true },
        ];
        await out.table(await listWorkers(context), columns, workerResult);
      }),
    );

  return worker;
}
