import { counted, formatSize } from "../../lib/text/format-size.ts";
import type { DropCounts, DropEvent, DropFeedEvent, DropSummary } from "../../operations/drop/outcome.ts";
import type { DropStatus } from "../../operations/drop/status.ts";
import { describeFile, isGood, statusWords } from "../import.ts";
import type { Output } from "../frame/output.ts";
import { dropLine } from "../results/import.ts";
import type { DropLine } from "../results/schemas/import.ts";

export interface DropReportOptions {
  dryRun?: boolean | undefined;
  /** Whether to print only scans that have something new. */
  watching?: boolean | undefined;
  /** Whether one feed was named: its problem becomes the command's error and is not printed here. */
  named?: boolean | undefined;
  /** Called with every scanned drop path. */
  onPath?: ((path: string) => void) | undefined;
}

/** Returns a function that prints the events of one scan and returns its exit status. A problem is printed once. */
export function createDropReport(
  out: Output<DropLine>,
  { dryRun, watching, named, onPath }: DropReportOptions,
): (events: AsyncIterable<DropEvent>) => Promise<number> {
  const reported = new Map<string, string>();

  async function reportFeed(event: DropFeedEvent): Promise<void> {
    onPath?.(event.path);
    const { problem, skipped } = event;
    const trouble = problem ?? skipped;
    const isNew = trouble !== (reported.get(event.feed) ?? null);
    if (trouble === null) reported.delete(event.feed);
    else reported.set(event.feed, trouble);
    if (watching && !isNew && !isNews(event)) return;
    if (out.options.json) return out.event(dropLine(event));
    if (problem !== null && isNew && !named) out.warn(`feed ${event.feed}: ${problem}`);
    if (skipped !== null && isNew && !named) out.note(`skipped feed ${event.feed}: ${skipped}`);
  }

  return async (events) => {
    let failures = 0;
    for await (const event of events) {
      if (event.type === "feed") await reportFeed(event);
      else if (event.type === "file") {
        out.progress.step(event.status === "imported" ? (event.size ?? 0) : 0);
        const aside = event.rejectedTo === null ? "" : `; moved to ${event.rejectedTo}`;
        const text = `${describeFile(event, dryRun)}${aside}`;
        await out.event(dropLine(event), out.options.quiet && isGood(event) ? undefined : text);
      } else {
        out.progress.stop();
        failures = event.conflicts + event.invalid + event.failed + event.problems;
        if (!watching || isNews(event))
          await out.event(dropLine(event), out.options.quiet ? undefined : describe(event, dryRun));
      }
    }
    return failures > 0 ? 3 : 0;
  };
}

function isNews(counts: DropCounts): boolean {
  const { waiting: _waiting, unsettled: _unsettled, bytes: _bytes, imported, existing, restored, ...others } = counts;
  const { conflicts, invalid, failed, rejected } = others;
  return imported + existing + restored + conflicts + invalid + failed + rejected > 0;
}

function describe(event: DropSummary, dryRun: boolean | undefined): string {
  const parts = [
    `${dryRun ? "would import" : "imported"} ${counted(event.imported, "file")} (${formatSize(event.bytes)}) from ${counted(event.feeds, "drop path")}`,
    event.overwritten > 0 ? `${event.overwritten} of them replaced` : "",
    `${event.existing} already there`,
    event.restored > 0 ? `${event.restored} restored` : "",
    counted(event.conflicts, "conflict"),
    `${event.invalid} invalid`,
    `${event.failed} failed`,
    event.rejected > 0 ? `${event.rejected} moved aside` : "",
    event.unsettled > 0 ? `${event.unsettled} still being written` : "",
    event.waiting > 0 ? `${event.waiting} waiting since earlier` : "",
    event.problems > 0 ? `${counted(event.problems, "drop path")} with problems` : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

export function describeStatus(status: DropStatus): string[] {
  const { feed, path, active, scannedAt, imported, problem, waiting, distribution, component } = status;
  const scan = scannedAt === null ? "never" : `${scannedAt.toISOString()}, imported ${imported}`;
  return [
    `feed:       ${feed}${active ? "" : " (disabled)"}`,
    `drop path:  ${path}`,
    ...(distribution === null ? [] : [`packages:   for ${distribution}, ${component}`]),
    `last scan:  ${scan}`,
    ...(problem === null ? [] : [`problem:    ${problem}`]),
    `waiting:    ${counted(waiting.length, "file")}`,
    ...waiting.map(
      (file) =>
        `  ${(file.status === "kept" ? "kept" : statusWords[file.status]).padEnd(8)}  ${file.path}: ${file.reason}`,
    ),
  ];
}
