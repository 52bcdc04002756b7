import { trimAscii } from "../lib/text/blanks.ts";
import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, numberKey, rankKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Composer versions, normalised as Composer does: four numbers and a stability (`1.0b2` is `1.0.0.0-beta2`), or a date
 * unchanged. Branches (`dev-main`, `1.x-dev`) are not versions, because their content changes.
 */
export const composer: VersionScheme = {
  normalize: (text) => {
    const version = parse(text);
    return version === undefined ? undefined : print(version);
  },
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease(text) {
    const { stability, isDev } = mustParse(text);
    return isDev || (stability !== undefined && stability !== "patch");
  },
};

/** Whether Composer reads the text as a branch. */
export function isBranch(text: string): boolean {
  return /^dev-|[._-]?dev$/i.test(text) && parse(text) === undefined;
}

interface ComposerVersion {
  /** Digits as written: four numbers, or those of a date. */
  numbers: string[];
  /** `alpha`, `beta`, `RC` or `patch`; undefined for a release. */
  stability: string | undefined;
  /** The digits after the stability, as written: `2.1` of `beta2.1`. */
  counter: string;
  /** A development state before the version: `1.0-beta2-dev`. */
  isDev: boolean;
}

const MAX_LENGTH = 255;
// The digits of the counter are matched one by one: nested repetition would backtrack exponentially.
const MODIFIER = "[._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?[0-9])*))?([.-]?dev)?";
const CLASSIC = new RegExp(`^v?([0-9]{1,5}(?:\\.[0-9]+){0,3})${MODIFIER}$`, "i");
const DATE = new RegExp(`^v?([0-9]{4}(?:[.:-]?[0-9]{2}){1,6}(?:[.:-]?[0-9]{1,3}){0,2})${MODIFIER}$`, "i");

function parse(text: string): ComposerVersion | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  // An alias, a stability flag and build metadata are not part of the version.
  const bare = trimAscii(text)
    .replace(/^([^,\s]+) +as +[^,\s]+$/, "$1")
    .replace(/@(?:stable|RC|beta|alpha|dev)$/i, "")
    .replace(/^([^,\s+]+)\+\S+$/, "$1");
  const match = CLASSIC.exec(bare) ?? DATE.exec(bare);
  if (match === null) return undefined;
  const [, digits = "", word, counter = "", dev] = match;
  const numbers = digits.split(/[.:-]/);
  // Pads in more cases than Composer, which does not read its own `2010.01.02` (for `2010-01-02`) as the same version.
  while (numbers[0]!.length <= 5 && numbers.length < 4) numbers.push("0");
  if (word?.toLowerCase() === "stable") return { numbers, stability: undefined, counter: "", isDev: false };
  const stability = word === undefined ? undefined : fullName(word.toLowerCase());
  return { numbers, stability, counter: counter.replace(/^[.-]/, ""), isDev: dev !== undefined };
}

function fullName(word: string): string {
  return { a: "alpha", alpha: "alpha", b: "beta", beta: "beta", rc: "RC" }[word] ?? "patch";
}

function print({ numbers, stability, counter, isDev }: ComposerVersion): string {
  return numbers.join(".") + (stability === undefined ? "" : `-${stability}${counter}`) + (isDev ? "-dev" : "");
}

/** The order of the parts of a version and of its end, as in PHP's `version_compare`. */
const ranks: Record<string, number> = { dev: 0, alpha: 1, beta: 2, RC: 3, end: 4, number: 5, patch: 6 };

function sortKey(text: string): Buffer {
  const { numbers, stability, counter, isDev } = mustParse(text);
  const counters = counter === "" ? [] : counter.split(/[.-]/);
  const words = (word: string | undefined) => (word === undefined ? [] : [word]);
  const parts = [...numbers, ...words(stability), ...counters, ...words(isDev ? "dev" : undefined)];
  return concatKeys(...parts.map(partKey), rankKey(ranks["end"]!));
}

function partKey(part: string): Uint8Array {
  return /^[0-9]/.test(part) ? concatKeys(rankKey(ranks["number"]!), numberKey(part)) : rankKey(ranks[part]!);
}

function mustParse(text: string): ComposerVersion {
  const version = parse(text);
  if (version === undefined) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a Composer version`);
  return version;
}
