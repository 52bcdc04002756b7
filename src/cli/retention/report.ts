import { keptWords } from "../frame/traits-words.ts";
import { errorCodes, type ErrorCode } from "../../errors.ts";
import { counted, formatSize } from "../../lib/text/format-size.ts";
import type { FeedOutcome, RetentionEvent, RetentionSummary } from "../../operations/retention/outcome.ts";
import type { PlannedDeletion } from "../../operations/retention/plan.ts";
import { itemOf } from "../../operations/retention/terms.ts";
import type { Output } from "../frame/output.ts";
import type { RetentionLine } from "../results/schemas/retention.ts";

/**
 * Prints the result for each feed, and the totals of several; with `--quiet` only the last line. Returns the exit
 * status: `locked` when that was the only reason for failures, `refused` when a run was halted, `partial` for other
 * failures and when planned items were left.
 */
export async function reportRetention(
  out: Output<RetentionLine>,
  events: AsyncIterable<RetentionEvent>,
): Promise<number> {
  const { retentionLine } = await import("../results/retention.ts");
  const codes = new Set<string>();
  const items = new Set<string>();
  let line = "";
  for await (const event of events) {
    switch (event.type) {
      case "version": {
        const { action, rule, ruleName, reason } = event;
        const by = rule === null ? "" : ` (${ruleName ?? `rule ${rule}`})`;
        if (action === "left") codes.add("partial");
        const isShown =
          !out.options.quiet &&
          (out.options.verbose || action === "planned" || action === "restored" || action === "left");
        const text = `${action.padEnd(8)}  ${nameOf(event)}: ${reason}${by}`;
        await out.event(retentionLine(event), isShown ? text : undefined);
        break;
      }
      case "folder":
        await out.event(
          retentionLine(event),
          out.options.verbose && !out.options.quiet ? `removed   ${event.path}/` : undefined,
        );
        break;
      case "feed":
        items.add(itemOf(event.feedType));
        if (event.outcome === "halted") codes.add("refused");
        line = `${event.feed}: ${words(event, event.outcome, itemOf(event.feedType))}`;
        await out.event(retentionLine(event), out.options.quiet ? undefined : line);
        break;
      case "feed-failed":
        codes.add(event.code);
        await out.event(retentionLine(event), undefined);
        if (!out.options.json) out.warn(`${event.feed}: ${event.reason}`);
        break;
      case "summary":
        if (event.feeds === 1) await out.event(retentionLine(event), out.options.quiet ? line : undefined);
        else
          await out.event(retentionLine(event), total(event, items.size > 1 ? "item" : ([...items][0] ?? "version")));
    }
  }
  if (codes.size === 0) return 0;
  const [only, ...others] = codes;
  const ownStatus: readonly string[] = ["locked", "refused"] satisfies ErrorCode[];
  return others.length === 0 && only !== undefined && ownStatus.includes(only)
    ? errorCodes[only as ErrorCode].exit
    : errorCodes.partial.exit;
}

/** The item as printed: an asset's path, or `group/name version`. */
export function nameOf({ group, name, version, path }: Named): string {
  if (path !== undefined) return version === "" ? path : `${path}@${version}`;
  return `${group === "" ? name : `${group}/${name}`} ${version}`;
}

type Named = Pick<PlannedDeletion, "group" | "name" | "version" | "path">;

function words(
  event: Omit<FeedOutcome, "type" | "feed" | "feedType" | "outcome">,
  outcome: FeedOutcome["outcome"],
  item: string,
): string {
  if (outcome === "disabled") return "retention is off for this feed; nothing was deleted";
  const emptied = event.folders > 0 ? `, with ${counted(event.folders, "emptied folder")}` : "";
  if (outcome === "dry-run") {
    const hidden = event.freed > 0 ? `, and ${counted(event.freed, "hidden version")}` : "";
    const again = event.restored > 0 ? `, and show ${event.restored} again` : "";
    return `would delete ${counted(event.planned, item)} (${formatSize(event.plannedBytes)})${hidden}${emptied}${again}`;
  }
  const { deleted, hidden, freed, restored, left, waiting } = event;
  const parts = [
    `deleted ${counted(deleted + freed, item)}${emptied}`,
    hidden > 0 ? `hid ${hidden}` : "",
    restored > 0 ? `showed ${restored} again` : "",
    left > 0 ? `left ${left}${outcome === "halted" ? "" : " that changed meanwhile"}` : "",
    `${formatSize(event.bytes)} reclaimed`,
    event.kept === null ? "" : keptWords(event.keptBytes, event.kept),
    waiting > 0 ? `${counted(waiting, "file")} still to be deleted` : "",
    outcome === "stopped" ? "stopped at the time limit; the next run continues" : "",
    outcome === "halted" ? "ended before its plan was done" : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

function total(summary: RetentionSummary, item: string): string {
  const failed = summary.failed > 0 ? `; ${counted(summary.failed, "feed")} failed` : "";
  const stopped = summary.stopped > 0 ? "stopped" : "done";
  return `${counted(summary.feeds, "feed")}: ${words(summary, summary.dryRun ? "dry-run" : stopped, item)}${failed}`;
}
