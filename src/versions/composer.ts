import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, numberKey, rankKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Composer versions in the form that Composer gives them: four numbers, then a stability (`1.0b2` is `1.0.0.0-beta2`),
 * or a date as it is. Branches (`dev-main`, `1.x-dev`) are no versions: they name what changes under them.
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

/** Whether the text is a branch in Composer's eyes. */
export function isBranch(text: string): boolean {
  return /^dev-|[._-]?dev$/i.test(text) && parse(text) === undefined;
}

interface ComposerVersion {
  /** Digits as written; four, or those of a date. */
  numbers: string[];
  /** `alpha`, `beta`, `RC` or `patch`; undefined for a release. */
  stability: string | undefined;
  /** As written after the stability: `2.1` of `beta2.1`. */
  counter: string;
  /** A state on the way to it: `1.0-beta2-dev`. */
  isDev: boolean;
}

const MAX_LENGTH = 255;
// One digit at a time after the word: a repetition inside a repetition could take for ever.
const MODIFIER = "[._-]?(?:(stable|beta|b|RC|alpha|a|patch|pl|p)((?:[.-]?[0-9])*))?([.-]?dev)?";
const CLASSIC = new RegExp(`^v?([0-9]{1,5}(?:\\.[0-9]+){0,3})${MODIFIER}$`, "i");
const DATE = new RegExp(`^v?([0-9]{4}(?:[.:-]?[0-9]{2}){1,6}(?:[.:-]?[0-9]{1,3}){0,2})${MODIFIER}$`, "i");

function parse(text: string): ComposerVersion | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  // An alias, a stability flag and build metadata have no part in the version.
  const bare = text
    .trim()
    .replace(/^([^,\s]+) +as +[^,\s]+$/, "$1")
    .replace(/@(?:stable|RC|beta|alpha|dev)$/i, "")
    .replace(/^([^,\s+]+)\+\S+$/, "$1");
  const match = CLASSIC.exec(bare) ?? DATE.exec(bare);
  if (match === null) return undefined;
  const [, digits = "", word, counter = "", dev] = match;
  const numbers = digits.split(/[.:-]/);
  // Also where Composer does not: it reads its own `2010.01.02` for `2010-01-02` as another version.
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

/** What a part of a version ranks, the end among them, as PHP's own comparison has it. */
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
