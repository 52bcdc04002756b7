import { counted, formatSize } from "../../lib/text/format-size.ts";
import type { MigrateEvent, MigrateSummary } from "../../operations/migrate/events.ts";
import type { Output } from "../frame/output.ts";
import type { MigrateLine } from "../results/schemas/migrate.ts";

/** Prints a migration's events and returns the exit status, see `statusOf`. */
export async function report(
  out: Output<MigrateLine>,
  events: AsyncIterable<MigrateEvent>,
  cutover: "auto" | "manual",
): Promise<number> {
  let outcome: MigrateSummary["outcome"] = "incomplete";
  const { migrateLine } = await import("../results/migrate.ts");
  for await (const event of events) {
    if (event.type === "summary") outcome = event.outcome;
    await printEvent(out, event, migrateLine(event));
  }
  return statusOf(outcome, cutover);
}

/** Exit status: 0 when the feed was switched (or is ready, with `manual`), 75 when paused, else 3. */
function statusOf(outcome: MigrateSummary["outcome"], cutover: "auto" | "manual"): number {
  if (outcome === "paused") return 75;
  const isComplete = outcome === "ready" ? cutover === "manual" : outcome !== "incomplete";
  return isComplete ? 0 : 3;
}

/** Prints one event: text for people, or `line` with --json. */
export async function printEvent(out: Output<MigrateLine>, event: MigrateEvent, line: MigrateLine): Promise<void> {
  const { json, verbose } = out.options;
  switch (event.type) {
    case "pass": {
      await out.progress.start(
        event.frozen ? "last pass" : `pass ${event.number}`,
        event.frozen ? undefined : event.blobs,
      );
      if (json || verbose)
        await out.event(line, event.frozen ? "last pass, the feed is frozen" : `pass ${event.number}`);
      return;
    }
    case "ranges":
      if (json || verbose)
        await out.event(
          line,
          `${event.finished} of ${event.ranges} ranges done, ${counted(event.copied, "blob")} copied`,
        );
      out.progress.at(event.blobs, event.bytes);
      return;
    case "blob": {
      out.progress.step(event.size);
      if (event.outcome !== "failed" && event.outcome !== "foreign" && !verbose) return;
      const reason = event.reason === undefined ? "" : `: ${event.reason}`;
      return out.event(line, `${event.outcome.padEnd(8)}  ${event.key}${reason}`);
    }
    case "summary":
      out.progress.stop();
      return printSummary(out, event, line);
  }
}

async function printSummary(out: Output<MigrateLine>, event: MigrateSummary, line: MigrateLine): Promise<void> {
  const copied = `${counted(event.copied, "blob")} (${formatSize(event.bytes)}) copied, ${event.verified + event.same} already there, ${event.failed} failed`;
  const { requests = 0, seconds = 0 } = event.estimate ?? {};
  const requestCount = requests > 0 ? `${counted(requests, "request")}, ` : "";
  const cost = event.copied > 0 ? `; ${requestCount}about ${duration(seconds)} at 50 MiB/s` : "";
  const text = {
    switched: `feed ${event.feed} now lives in ${event.to}: ${copied}; it was frozen for ${(event.frozenMilliseconds / 1000).toFixed(1)} s`,
    already: `feed ${event.feed} already lives in ${event.to}`,
    planned: `would copy ${counted(event.copied, "blob")} (${formatSize(event.bytes)}) from ${event.from} to ${event.to}; ${event.same} already there${cost}`,
    ready: `feed ${event.feed} is copied to ${event.to} and still lives in ${event.from}: ${copied}`,
    incomplete: `feed ${event.feed} stays in ${event.from}: ${copied}`,
    paused: `the migration of feed ${event.feed} is paused: ${copied}`,
  };
  await out.event(line, text[event.outcome]);
  const hints: Partial<Record<MigrateSummary["outcome"], string>> = {
    incomplete: `fix what failed (see: feedctl verify ${event.feed}) and run the same command again: it continues`,
    switched: `the old files stay in ${event.from}; when you are sure: feedctl migrate retire ${event.feed}`,
    ready: `to switch it: feedctl migrate cutover ${event.feed}`,
    paused: `to continue: feedctl migrate resume ${event.feed}`,
  };
  const hint = hints[event.outcome];
  if (hint !== undefined) out.note(hint);
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
