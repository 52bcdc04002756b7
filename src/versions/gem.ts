import { FeedctlError } from "../errors.ts";
import { trimAscii } from "../lib/text/blanks.ts";
import { paddedListKey, type PaddedItem } from "./keys/padded-key.ts";
import { compareBy, numberKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * RubyGems versions: numbers and words. A word sorts before every number; trailing zeros of the release and of the
 * whole version do not count. Normalising only replaces a dash by `.pre.`, as in the names of gem files: `1.0` and
 * `1.0.0` are two versions, although neither is newer.
 */
export const gem: VersionScheme = {
  normalize: parse,
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease: (text) => /[a-z]/i.test(mustParse(text)),
};

const VERSION = /^[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

function parse(text: string): string | undefined {
  const trimmed = trimAscii(text);
  if (trimmed === "") return "0";
  return VERSION.test(trimmed) ? trimmed.replaceAll("-", ".pre.") : undefined;
}

function sortKey(text: string): Buffer {
  const segments = mustParse(text).match(/[0-9]+|[a-z]+/gi) ?? [];
  const word = segments.findIndex((segment) => !isNumber(segment));
  const releaseEnd = word < 0 ? segments.length : word;
  // Zeros before the first word do not count: 1.0.a equals 1.a.
  const release = segments.slice(0, releaseEnd);
  const last = release.findLastIndex((segment) => !isZero(segment));
  return paddedListKey([...release.slice(0, last + 1), ...segments.slice(releaseEnd)].map(item));
}

function item(segment: string): PaddedItem {
  if (!isNumber(segment)) return { sign: -1, key: textKey(segment) };
  return { sign: isZero(segment) ? 0 : 1, key: numberKey(segment) };
}

function isNumber(segment: string): boolean {
  return /^[0-9]/.test(segment);
}

function isZero(segment: string): boolean {
  return /^0+$/.test(segment);
}

function mustParse(text: string): string {
  const version = parse(text);
  if (version === undefined) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a gem's version`);
  return version;
}
