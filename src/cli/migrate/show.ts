import type { Command } from "commander";
import type { Migration, MigrationStatus } from "../../operations/migrate/status.ts";
import { formatSize } from "../../lib/text/format-size.ts";
import type { Edge } from "../frame/edge.ts";
import { duration } from "./report.ts";
import { feedArgument, parseAge } from "../frame/parsers.ts";
import type { Column } from "../frame/output.ts";
import type { MigrationResult, MigrationStatusResult } from "../results/schemas/migrate.ts";

export function addShowingVerbs(migrate: Command, edge: Edge): void {
  migrate
    .command("status")
    .description("show the progress of a feed's newest migration, or of all that are unfinished")
    .argument("[feed]", "name of the feed")
    .option("--watch [interval]", "repeat until it ends, every 2s or at this interval", parseAge)
    .action(async (feed: string | undefined, options, command) =>
      edge.act<MigrationStatusResult | MigrationStatusResult[]>(
        command,
        async (context, out) => {
          const { migrationStatus } = await import("../../operations/migrate/status.ts");
          const { migrationStatusResult } = await import("../results/migrate.ts");
          const { isOutage, repeatRounds } = await import("../frame/rounds.ts");
          const watched = options.watch !== undefined;
          const show = async () => {
            const found = await migrationStatus(context, feed);
            if (found.length === 0 && !out.options.json) out.note("no unfinished migration");
            if (out.options.json && watched) for (const each of found) await out.event(migrationStatusResult(each));
            else
              await out.result(
                found.map(migrationStatusResult),
                found.flatMap((each) => linesOf(each)),
              );
            return found.every(({ finishedAt }) => finishedAt !== null) ? "last" : undefined;
          };
          if (options.watch === undefined) return void (await show());
          await repeatRounds(context, show, {
            interval: options.watch === true ? 2000 : options.watch,
            mayPass: isOutage,
            failed: (error, wait) => out.warn(`${error.message}; next try in ${wait / 1000} s`),
          });
        },
        { isEndless: options.watch !== undefined },
      ),
    );

  migrate
    .command("history")
    .description("list every migration of a feed, the newest first")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command) =>
      edge.act<MigrationResult>(command, async (context, out) => {
        const { migrationHistory } = await import("../../operations/migrate/status.ts");
        const { migrationResult } = await import("../results/migrate.ts");
        const columns: Column<Migration>[] = [
          { title: "id", value: (each) => String(each.id), right: true },
          { title: "state", value: (each) => each.state },
          { title: "started", value: (each) => each.startedAt.toISOString() },
          { title: "from", value: (each) => each.from },
          { title: "to", value: (each) => each.to },
          { title: "blobs", value: (each) => String(each.blobs), right: true },
          { title: "size", value: (each) => formatSize(each.bytes), right: true },
          {
            title: "frozen",
            value: (each) =>
              each.frozenMilliseconds === null ? "" : `${(each.frozenMilliseconds / 1000).toFixed(1)} s`,
            right: true,
          },
        ];
        await out.table(await migrationHistory(context, feed), columns, migrationResult);
      }),
    );
}

function linesOf(status: MigrationStatus): string[] {
  const { running, state, request, ranges, failures } = status;
  const stopped = !running && (state === "copying" || state === "switching") ? "; no process is working on it" : "";
  const requested = request === null ? "" : `; ${request} was requested`;
  const lines = [
    `feed ${status.feed}: ${state}${stopped}${requested}`,
    `  migration ${status.id}${status.reverses === null ? "" : ` (rolls back ${status.reverses})`}`,
    `  from      ${status.from}`,
    `  to        ${status.to}`,
  ];
  if (status.problem !== null) lines.push(`  ended     ${status.problem}`);
  for (const place of status.toRetire) lines.push(`  to retire ${place}`);
  if (ranges !== null)
    lines.push(`  ranges    ${ranges.finished} of ${ranges.ranges} done, ${ranges.failed} blobs failed`);
  for (const pass of status.passes) {
    const done = pass.copied + pass.verified + pass.same + pass.failed;
    const counts = `${pass.copied} copied (${formatSize(pass.bytes)}), ${pass.verified + pass.same} already there, ${pass.failed} failed`;
    lines.push(`  pass ${pass.number}    ${pass.kind}: ${done} of ${pass.expected}: ${counts}`);
  }
  if (status.blobsPerSecond !== null)
    lines.push(
      `  pace      ${status.blobsPerSecond.toFixed(0)} blobs/s, ${formatSize(status.bytesPerSecond ?? 0)}/s` +
        (status.remainingSeconds === null ? "" : `, about ${duration(status.remainingSeconds)} left in this pass`),
    );
  if (status.frozenMilliseconds !== null)
    lines.push(`  frozen    for ${(status.frozenMilliseconds / 1000).toFixed(1)} s`);
  for (const { key, reason } of failures) lines.push(`  failed    ${key}: ${reason}`);
  return lines;
}
