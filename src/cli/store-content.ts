// What the stores of feeds hold: `store usage` and `store clean`.
import { Argument, Command, Option, type CommandUnknownOpts } from "commander";
import { isFeedctlError } from "../errors.ts";
import { counted, formatSize } from "../lib/text/format-size.ts";
import type { FoundUpload } from "../operations/commit/unfinished.ts";
import type { CleanEvent, CleanSummary } from "../operations/stores/clean-store.ts";
import type { StoreUsage } from "../operations/stores/show-store.ts";
import { confirm, type Edge } from "./frame/edge.ts";
import { parseAge } from "./frame/parsers.ts";
import type { StoreCleanLine, StoreUsageResult } from "./results/schemas/store.ts";

export function storeContentCommands(edge: Edge): CommandUnknownOpts[] {
  const usage = new Command("usage")
    .description("count and size of a feed's files in catalog and store, and uploads that were never completed")
    .addArgument(feedsArgument())
    .action(async (names: string[], _options, command) =>
      edge.act<StoreUsageResult>(command, async (context, out) => {
        const { measureStore } = await import("../operations/stores/show-store.ts");
        const { storeUsageResult } = await import("./results/store.ts");
        let failed = false;
        for (const name of new Set(names)) {
          try {
            const measured = await measureStore(context, name);
            await out.event(storeUsageResult(measured), usageLines(measured));
          } catch (error) {
            if (names.length === 1 || !isFeedctlError(error) || error.code === "interrupted") throw error;
            out.warn(`the store of feed ${name} could not be measured: ${error.message}`);
            failed = true;
          }
        }
        return failed ? 3 : 0;
      }),
    );

  const clean = new Command("clean")
    .description("discard uploads that were begun and never completed: no listing shows them, but they are billed")
    .addArgument(feedsArgument())
    .addOption(
      new Option(
        "--older-than <time>",
        "only those that began before this time, such as 7d (default: all of feedctl's, others after 7d)",
      ).argParser(parseAge),
    )
    .option("--others", "also those of other programs below the feed's location")
    .option("--dry-run", "only print what would be discarded")
    .option("--yes", "do not ask")
    .action(async (names: string[], options, command) =>
      edge.act<StoreCleanLine>(command, async (context, out) => {
        const { cleanStores } = await import("../operations/stores/clean-store.ts");
        const { storeCleanLine } = await import("./results/store.ts");
        const { olderThan, others, dryRun } = options;
        const approve = async (feed: string, { uploads, bytes }: { uploads: number; bytes: number }) =>
          confirm(
            edge.io,
            `discard ${counted(uploads, "unfinished upload")} (${formatSize(bytes)}) of ${feed}`,
            options.yes,
          );
        let failed = 0;
        for await (const event of cleanStores(context, {
          feeds: [...new Set(names)],
          olderThan,
          others,
          dryRun,
          approve,
        })) {
          if (event.type === "summary") failed = event.failed;
          await out.event(storeCleanLine(event), event.type === "summary" ? summaryLine(event) : cleanLine(event));
        }
        return failed > 0 ? 3 : 0;
      }),
    );
  return [usage, clean];
}

function feedsArgument() {
  return new Argument("<feed...>", "names of the feeds");
}

const words = { discarded: "discarded", selected: "would discard", kept: "kept", failed: "FAILED" } as const;

function cleanLine(event: Exclude<CleanEvent, { type: "summary" }>): string {
  const word = words[event.status].padEnd(9);
  if (event.type === "store") return `${word}  the store of feed ${event.feed}: ${event.reason}`;
  return `${word}  ${describeUpload(event)}${event.reason === null ? "" : `: ${event.reason}`}`;
}

function summaryLine({ dryRun, discarded, bytes, kept, failed }: CleanSummary): string {
  const verb = dryRun ? "would discard" : "discarded";
  return `${verb} ${counted(discarded, "unfinished upload")} (${formatSize(bytes)}), ${kept} kept, ${failed} failed`;
}

function describeUpload({ name, since, bytes, isOurs }: FoundUpload): string {
  const when = since === undefined ? "time not known" : since.toISOString().slice(0, 19).replace("T", " ");
  const size = bytes === undefined ? "size not known" : formatSize(bytes);
  return `${name} (${when}, ${size}, ${isOurs ? "of feedctl" : "of another program"})`;
}

function usageLines(usage: StoreUsage): string[] {
  return [
    `location: ${usage.location}`,
    `catalog:  ${counted(usage.catalog.files, "file")}, ${formatSize(usage.catalog.bytes)}`,
    `store:    ${counted(usage.store.blobs, "blob")}, ${formatSize(usage.store.bytes)}`,
    ...(usage.archived.blobs > 0
      ? [`archived: ${counted(usage.archived.blobs, "blob")} of them, ${formatSize(usage.archived.bytes)}`]
      : []),
    ...keptLines(usage.kept),
    ...unfinishedLines(usage),
    ...(usage.foreign > 0 ? [`foreign:  ${counted(usage.foreign, "name")} that are not valid keys`] : []),
  ];
}

function keptLines(kept: StoreUsage["kept"]): string[] {
  if (kept === null) return ["kept:     not known: these credentials may not ask for earlier versions"];
  if (kept.blobs === 0) return [];
  return [
    `kept:     ${counted(kept.blobs, "earlier version")}, ${formatSize(kept.bytes)}, which the provider bills as well`,
  ];
}

function unfinishedLines({ feed, unfinished, unfinishedUnknown }: StoreUsage): string[] {
  if (unfinished === null) return [`uploads:  unfinished ones are not known: ${unfinishedUnknown}`];
  const { uploads, ours, bytes, listed } = unfinished;
  if (uploads === 0) return [];
  const whose = ours === uploads ? "all of feedctl" : `${ours} of feedctl`;
  return [
    `uploads:  ${counted(uploads, "unfinished upload")}, ${formatSize(bytes)}, ${whose}; to discard them: feedctl store clean ${feed}`,
    ...listed.map((upload) => `  ${describeUpload(upload)}`),
    ...(uploads > listed.length ? [`  and ${uploads - listed.length} more`] : []),
  ];
}
