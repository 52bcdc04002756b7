import { Command, InvalidArgumentError, Option } from "commander";
import type { Limit } from "../../operations/mirror/decide.ts";
import { locationForms, providers } from "../../stores/providers.ts";
import { flagsOf } from "../frame/store-flags.ts";
import { parseAge, parseSize, wholeNumber } from "../frame/parsers.ts";

export const leaveClasses = ["older", "newer", "changed", "extra", "lonely"] as const;
export const ends = ["source", "target"] as const;

/** Seconds between two rounds of `--watch` where none are given. */
const WATCH = 60;

export type MirrorOptions = ReturnType<ReturnType<typeof mirrorOptions>["opts"]>;

export function mirrorOptions() {
  const selecting = new Command("mirror")
    .description("make a target equal its source, deletions included (as robocopy /MIR)")
    .argument("<source>", `a feed, a directory, ${locationForms().join(", ")}, or NAME:path (a store profile)`)
    .argument("<target>", "the same, but no feed: a feed is moved with migrate")
    .option("--dry-run", "only tell what would be done")
    .addOption(new Option("-L, --list-only", "the same as --dry-run").hideHelp(false))
    .option("--yes", "do not ask before deleting")
    .addOption(
      new Option("--max-delete <N|N%>", "refuse to delete more than this (default: half of the target)").argParser(
        parseLimit,
      ),
    )
    .option("--no-delete", "copy only: what is only in the target stays")
    .option("--checksum", "compare by hash, reading where no hash is known")
    .option("--size-only", "equal sizes are enough")
    .addOption(new Option("--time-window <time>", "times this near are equal, such as 2s for FAT").argParser(parseAge))
    .option("--include <pattern...>", "only what matches")
    .option("--exclude <pattern...>", "not what matches: it is neither copied nor deleted")
    .addOption(new Option("--min-size <size>", "not smaller files").argParser(parseSize))
    .addOption(new Option("--max-size <size>", "not larger files").argParser(parseSize))
    .addOption(new Option("--min-age <time>", "not files changed within, such as 1h").argParser(parseAge))
    .addOption(new Option("--max-age <time>", "not files unchanged for, such as 30d").argParser(parseAge));
  for (const name of leaveClasses) {
    selecting.option(
      `--exclude-${name}`,
      name === "extra" ? "leave extra files alone, without a word" : `do not copy ${name} files`,
    );
  }
  const mirror = selecting
    .addOption(
      new Option("--retries <n>", "try failed files again at the end").argParser(wholeNumber(0, 1_000_000)).default(1),
    )
    .addOption(new Option("--wait <time>", "wait before trying again").argParser(parseAge).default(1000, "1s"))
    .addOption(new Option("--threads <n>", "files copied at once").argParser(wholeNumber(1, 256)))
    .addOption(
      new Option("--bandwidth <size>", "read at most this much of the source in a second").argParser(parseRate),
    )
    .addOption(
      new Option("--watch [time]", "do it again and again, this long after each end, until interrupted")
        .argParser(parseAge)
        .preset(`${WATCH}s`),
    )
    .option("--trash <prefix>", "keep what is deleted or overwritten below this prefix of the target")
    .option("--log <file>", "append every item to a file, in robocopy's form")
    .addOption(new Option("--exit-code <style>", "robocopy: its bit mask as exit status").choices(["robocopy"]));
  for (const end of ends) for (const option of storeOptionsOf(end)) mirror.addOption(option);
  return mirror;
}

/** Of every store type with locations, without what the location itself says. */
function storeOptionsOf(end: string): Option[] {
  const clouds = providers.filter(({ url }) => url !== undefined);
  const said = new Set(clouds.flatMap(({ url, pathOption }) => [url?.property, pathOption]));
  return flagsOf(clouds, `${end}-`)
    .filter(({ property }) => !said.has(property))
    .map(({ syntax, description }) => new Option(syntax, description).helpGroup(`Store options of the ${end}:`));
}

/** `--source-endpoint URL` becomes `endpoint` of the source. */
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
  if (rate === 0) throw new InvalidArgumentError("It must be more than nothing.");
  return rate;
}
