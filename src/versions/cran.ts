import { FeedctlError } from "../errors.ts";
import { trimAscii } from "../lib/text/blanks.ts";
import { compareBy, concatKeys, listKey, numberKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Versions of R packages: at least two numbers between dots or dashes, which are equivalent. A prefix of a version
 * sorts before it. Nothing is normalised, as in the names of package files: `1.0-1` and `1.0.1` are two versions,
 * although neither is newer.
 */
export const cran: VersionScheme = {
  normalize(text) {
    return parse(text) === undefined ? undefined : trimAscii(text);
  },
  compare: compareBy(sortKey),
  sortKey,
  /** By convention a fourth number of 9000 or more is a development version. */
  isPrerelease: (text) => BigInt(mustParse(text)[3] ?? "0") >= 9000n,
};

function parse(text: string): string[] | undefined {
  const trimmed = trimAscii(text);
  return /^[0-9]+(?:[.-][0-9]+)+$/.test(trimmed) ? trimmed.split(/[.-]/) : undefined;
}

function sortKey(text: string): Buffer {
  return concatKeys(listKey(mustParse(text).map(numberKey)));
}

function mustParse(text: string): string[] {
  const version = parse(text);
  if (version === undefined)
    throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a version of an R package`);
  return version;
}
