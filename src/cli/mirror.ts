import { Command, InvalidArgumentError, Option } from "commander";
import { formatSize } from "../lib/size.ts";
import { robocopyStatus, type Limit } from "../operations/plan-mirror.ts";
import type { MirrorItem, MirrorSummary } from "../operations/run-mirror.ts";
import { storeTypes } from "../stores/store-types.ts";
import { confirm, type Edge } from "./edge.ts";
import { parseAge, parseSize, wholeNumber } from "./parsers.ts";
import { storeOptions } from "./store-options.ts";

const leaveClasses = ["older", "newer", "changed", "extra", "lonely"] as const;

export function mirrorCommand(edge: Edge): Command {
  const mirror = new Command("mirror")
    .description("make a target equal its source, deletions included (as robocopy /MIR)")
    .argument("<source>", "a feed, a directory, s3://bucket/prefix, az://container/prefix, or NAME:path (a store profile)")
    .argument("<target>", "the same, but no feed: a feed is moved with migrate")
    .option("--dry-run", "only tell what would be done")
    .addOption(new Option("-L, --list-only", "the same as --dry-run").hideHelp(false))
    .option("--yes", "do not ask before deleting")
    .addOption(new Option("--max-delete <N|N%>", "refuse to delete more than this (default: half of the target)").argParser(parseLimit))
    .option("--no-delete", "copy only: what is only in the target stays")
    .option("--checksum", "compare by hash, reading where no hash is known")
    .option("--size-only", "equal sizes are enough")
    .addOption(new Option("--time-window <time>", "times this near are equal, such as 2s for FAT").argParser(parseAge))
    .option("--include <pattern...>", "only what matches")
    .option("--exclude <pattern...>", "not what matches: it is neither copied nor deleted")
    .addOption(new Option("--min-size <size>", "not smaller files").argParser(parseSize))
    .addOption(new Option("--max-size <size>", "not larger files").argParser(parseSize))
    .addOption(new Option("--min-age <time>", "not files changed within, such as 1h").argParser(parseAge))
    .addOption(new Option("--max-age <time>", "not files unchanged for, such as 30d").argParser(parseAge))
    .addOption(new Option("--retries <n>", "try failed files again at the end").argParser(wholeNumber(0, 1_000_000)).default(1))
    .addOption(new Option("--wait <time>", "wait before trying again").argParser(parseAge).default(1000, "1s"))
    .addOption(new Option("--threads <n>", "files copied at once").argParser(wholeNumber(1, 256)))
    .option("--trash <prefix>", "keep what is deleted or overwritten below this prefix of the target")
    .option("--log <file>", "write every item to a file, in robocopy's form")
    .addOption(new Option("--exit-code <style>", "robocopy: its bit mask as exit status").choices(["robocopy"]));
  for (const name of leaveClasses) mirror.option(`--exclude-${name}`, name === "extra" ? "leave extra files alone, without a word" : `do not copy ${name} files`);
  for (const end of ["source", "target"] as const) {
    for (const option of new Map([...storeTypes.s3.options, ...storeTypes.azure.options].map((each) => [each.flag, each])).values()) {
      if (["bucket", "container", "target-path"].includes(option.flag)) continue;
      mirror.addOption(new Option(`--${end}-${option.flag}${option.value === undefined ? "" : ` <${option.value}>`}`, option.description).helpGroup(`Store options of the ${end}:`));
    }
  }
  return mirror.action(async (source: string, target: string, options, command: Command) =>
    edge.act(command, async (context, out) => {
      const { findPlace } = await import("../operations/places.ts");
      const { runMirror } = await import("../operations/run-mirror.ts");
      const { createFilter } = await import("../operations/mirror-filter.ts");
      const { openLog } = await import("./mirror-log.ts");
      const dryRun = options.dryRun === true || options.listOnly === true;
      const log = await openLog(edge.io, options.log);
      const places = {
        source: await findPlace(context, source, await storeOptions(edge, out, endOptions(options, "source"))),
        target: await findPlace(context, target, await storeOptions(edge, out, endOptions(options, "target"))),
      };
      const input = {
        ...places,
        dryRun,
        noDelete: options.delete === false,
        maxDelete: options.maxDelete,
        compare: {
          checksum: options.checksum === true,
          sizeOnly: options.sizeOnly === true,
          timeWindow: options.timeWindow ?? 1,
          leave: new Set(leaveClasses.filter((name) => options[`exclude${name[0]?.toUpperCase()}${name.slice(1)}`] === true)),
        },
        filter: createFilter({ ...options, include: options.include ?? [], exclude: options.exclude ?? [], now: context.now() }),
        retries: options.retries,
        wait: options.wait,
        concurrency: options.threads ?? context.concurrency * 2,
        trash: options.trash,
        approve: (deletes: number, from: string) => confirm(edge.io, `delete ${deletes} extra files from ${from}`, options.yes),
      };
      let summary: MirrorSummary | undefined;
      await out.progress.start("mirroring");
      try {
        for await (const event of runMirror(context, input)) {
          if (event.type === "summary") {
            summary = event;
            out.progress.stop();
            await log.summary(event);
            await out.event(withStatus(event), table(event));
          } else {
            out.progress.step(event.outcome === "copied" ? event.bytes : 0);
            await log.item(event);
            if (event.outcome !== "skipped" || out.options.verbose || event.reason !== undefined) {
              await out.event(event, out.options.quiet && !isTrouble(event) ? undefined : log.line(event));
            }
          }
        }
      } finally {
        await log.close();
      }
      if (summary?.notDeleted !== undefined) out.warn(`${summary.extras} extra files were not deleted: ${summary.notDeleted}`);
      if (summary === undefined) return 1;
      const failed = summary.failed + summary.mismatch > 0;
      return options.exitCode === "robocopy" ? withStatus(summary).robocopyStatus : failed ? 3 : 0;
    }),
  );
}

function isTrouble(item: MirrorItem): boolean {
  return item.outcome === "failed" || item.outcome === "mismatch";
}

function withStatus(summary: MirrorSummary): MirrorSummary & { robocopyStatus: number } {
  return { ...summary, robocopyStatus: robocopyStatus(summary) };
}

/** `--source-endpoint URL` becomes `endpoint` of the source. */
function endOptions(options: Record<string, unknown>, end: "source" | "target"): Record<string, unknown> {
  const entries = Object.entries(options).filter(([name]) => name.startsWith(end) && name.length > end.length);
  return Object.fromEntries(entries.map(([name, value]) => [`${name[end.length]?.toLowerCase()}${name.slice(end.length + 1)}`, value]));
}

function parseLimit(text: string): Limit {
  const match = /^(\d+)(%?)$/.exec(text);
  if (match === null || (match[2] === "%" && Number(match[1]) > 100)) throw new InvalidArgumentError("It must be a number or a percentage, such as 100 or 10%.");
  return match[2] === "%" ? { percent: Number(match[1]) } : { count: Number(match[1]) };
}

/** Robocopy's summary: Total = Copied + Skipped + Mismatch + FAILED; extras stand beside it. */
function table(summary: MirrorSummary): string {
  const { total, copied, skipped, mismatch, failed, extras } = summary;
  const cell = (value: number | string) => String(value).padStart(10);
  const row = (title: string, cells: (number | string)[]) => `${title.padStart(8)} ${cells.map(cell).join("")}`;
  const size = (bytes: number) => formatSize(bytes).replace(/iB$/, "").replace(" B", "");
  const lines = [
    row("", ["Total", "Copied", "Skipped", "Mismatch", "FAILED", "Extras"]),
    row("Files :", [total, copied, skipped, mismatch, failed, extras]),
    row("Bytes :", [size(summary.totalBytes), size(summary.bytes), size(summary.totalBytes - summary.bytes), "", "", size(summary.extraBytes)]),
    `${summary.dryRun ? "would delete" : "deleted"} ${summary.deleted} of ${extras} extra files in ${(summary.milliseconds / 1000).toFixed(1)} s${summary.dryRun ? "; dry run: nothing was changed" : ""}`,
  ];
  return lines.join("\n");
}
