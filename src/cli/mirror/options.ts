import { Command, InvalidArgumentError, Option } from "commander";
import type { Limit } from "../../operations/mirror/decide.ts";
import { locationForms, providers } from "../../stores/providers.ts";
import { preserveStorageClassOption, preserveTagsOption } from "../frame/preserve-options.ts";
import { flagsOf } from "../frame/store-flags.ts";
import { parseAge, parseSize, repeatable, wholeNumber } from "../frame/parsers.ts";

export const leaveClasses = ["older", "newer", "changed", "extra", "lonely"] as const;
export const ends = ["source", "target"] as const;

/** Default of `--watch`: seconds between two rounds. */
const WATCH = 60;

export type MirrorOptions = ReturnType<ReturnType<typeof mirrorOptions>["opts"]>;

export function mirrorOptions() {
  const selecting = new Command("mirror")
    .description("make a target equal its source, deletions included (as robocopy /MIR)")
    .argument("<source>", `a feed, a directory, ${locationForms().join(", ")}, or NAME:path (a store profile)`)
    .argument("<target>", "the same, except a feed: to move a feed use migrate")
    .option("--dry-run", "only print what would be done")
    .addOption(new Option("-L, --list-only", "the same as --dry-run").hideHelp(false))
    .option("--yes", "do not ask before deleting")
    .addOption(
      new Option("--max-delete <N|N%>", "refuse to delete more than this (default: half of the target)").argParser(
        parseLimit,
      ),
    )
    .option("--no-delete", "copy only: keep files that are only in the target")
    .option("--checksum", "compare by hash; files without a known hash are read")
    .option("--size-only", "compare by size only")
    .addOption(
      new Option("--time-window <time>", "treat times this close as equal, such as 2s for FAT").argParser(parseAge),
    )
    .addOption(repeatable("--include <pattern>", "only files that match"))
    .addOption(repeatable("--exclude <pattern>", "skip files that match: they are neither copied nor deleted"))
    .addOption(new Option("--min-size <size>", "skip smaller files").argParser(parseSize))
    .addOption(new Option("--max-size <size>", "skip larger files").argParser(parseSize))
    .addOption(
      new Option("--min-age <time>", "skip files changed less than this long ago, such as 1h").argParser(parseAge),
    )
    .addOption(new Option("--max-age <time>", "skip files not changed for this long, such as 30d").argParser(parseAge));
  for (const name of leaveClasses) {
    selecting.option(
      `--exclude-${name}`,
      name === "extra" ? "do not delete or report extra files" : `do not copy ${name} files`,
    );
  }
  const mirror = selecting
    .addOption(
      new Option("--retries <n>", "how often to retry failed files").argParser(wholeNumber(0, 1_000_000)).default(1),
    )
    .addOption(new Option("--wait <time>", "wait this long before a retry").argParser(parseAge).default(1000, "1s"))
    .addOption(new Option("--threads <n>", "files copied at once").argParser(wholeNumber(1, 256)))
    .addOption(new Option("--bandwidth <size>", "read at most this much of the source per second").argParser(parseRate))
    .addOption(
      new Option("--watch [time]", "repeat until interrupted, this long after each run")
        .argParser(parseAge)
        .preset(`${WATCH}s`),
    )
    .addOption(preserveTagsOption())
    .addOption(preserveStorageClassOption().conflicts(["targetStorageClass", "targetReducedRedundancy"]))
    .option("--copy-modes", "give files the permission bits of the source's (both ends disks)")
    .option("--empty-dirs", "make and delete empty directories as in the source (both ends disks)")
    .option("--trash <prefix>", "keep deleted and overwritten files below this prefix of the target")
    .option("--log <file>", "append every item to a file, in robocopy's format")
    .addOption(new Option("--exit-code <style>", "robocopy: its bit mask as exit status").choices(["robocopy"]));
  for (const end of ends) for (const option of storeOptionsOf(end)) mirror.addOption(option);
  return mirror;
}

/** Store options for one end, of all store types with URLs, without the options that the URL contains. */
function storeOptionsOf(end: string): Option[] {
  const clouds = providers.filter(({ url }) => url !== undefined);
  const inUrl = new Set(clouds.flatMap(({ url, pathOption }) => [url?.property, pathOption]));
  return flagsOf(clouds, `${end}-`)
    .filter(({ property }) => !inUrl.has(property))
    .map(({ syntax, description }) => new Option(syntax, description).helpGroup(`Store options of the ${end}:`));
}

/** Selects one end's store options, without the prefix: `--source-endpoint URL` becomes `endpoint`. */
export function endOptions(options: Record<string, unknown>, end: (typeof ends)[number]): Record<string, unknown> {
  const entries = Object.entries(options).filter(([name]) => name.startsWith(end) && name.length > end.length);
  return Object.fromEntries(
    entries.map(([name, value]) => [`${name[end.length]?.toLowerCase()}${name.slice(end.length + 1)}`, value]),
  );
}

export function parseLimit(text: string): Limit {
  const match = /^(\d+)(%?)$/.exec(text);
  if (match === null || (match[2] === "%" && Number(match[1]) > 100)) {
    throw new InvalidArgumentError("It must be a number or a percentage, such as 100 or 10%.");
  }
  return match[2] === "%" ? { percent: Number(match[1]) } : { count: Number(match[1]) };
}

/** Bytes per second: `10M`, `10MiB/s`. */
function parseRate(text: string): number {
  const rate = parseSize(text.replace(/\/s$/i, ""));
  if (rate === 0) throw new InvalidArgumentError("It must be more than 0.");
  return rate;
}
