import { Argument, InvalidArgumentError, Option, type Command, type OptionValues } from "commander";
import { feedTypeNames } from "../../formats/feed-types.ts";
import { inWords } from "../../lib/text/in-words.ts";
import { bytesOf } from "../../lib/text/parse-size.ts";
import { flagsOf } from "./store-flags.ts";
import { providers, storeTypeNames } from "../../stores/providers.ts";

/** An argument that names a feed; shells complete it from the catalog. */
export function feedArgument() {
  return new Argument("<feed>", "name of the feed");
}

export function storeTypeArgument() {
  return new Argument("<type>", "store type").choices(storeTypeNames);
}

export function feedTypeOption() {
  return new Option("--type <type>", "package type of the feed").choices(feedTypeNames).makeOptionMandatory();
}

/**
 * Adds the options of all store types, each flag once. The operation checks which belong to the chosen type. The type
 * of the action's `options` does not have them: `storeOptions` reads them by their descriptors.
 */
export function addStoreOptions<Args extends unknown[], Options extends OptionValues>(
  command: Command<Args, Options>,
): Command<Args, Options> {
  for (const { syntax, description, types } of flagsOf(providers))
    command.addOption(new Option(syntax, description).helpGroup(`Options of ${inWords(types)} stores:`));
  return command;
}

/** A path on this machine. Rejects an empty one, often an unset variable: it would mean the current directory. */
export function parseLocalPath(text: string): string {
  if (text === "") throw new InvalidArgumentError("It is empty: is a variable not set?");
  return text;
}

/** Collects an argument with several paths. */
export function parseLocalPaths(text: string, before: readonly string[] = []): string[] {
  return [...before, parseLocalPath(text)];
}

/**
 * An option that may be repeated, with one value each. An option with a list of values would take the paths that
 * follow it.
 */
export function repeatable<Flags extends string>(flags: Flags, description: string) {
  return new Option(flags, `${description} (may be repeated)`).argParser(collectValues);
}

export function isRepeatable(option: { parseArg?: unknown }): boolean {
  return option.parseArg === collectValues;
}

function collectValues(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

/** Bytes: `10M`, `1.5GiB`, `4096`. */
export function parseSize(text: string): number {
  const bytes = bytesOf(text);
  if (bytes === undefined) throw new InvalidArgumentError("It must be a size such as 500K, 10M or 2GiB.");
  return bytes;
}

const TIMES: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds: `90s`, `15m`, `12h`, `30d`, `500ms`. A number alone means seconds. */
export function parseAge(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?$/i.exec(text);
  if (match === null) throw new InvalidArgumentError("It must be a time such as 90s, 15m, 12h or 30d.");
  return Math.round(Number(match[1]) * (TIMES[(match[2] ?? "s").toLowerCase()] ?? 1000));
}
