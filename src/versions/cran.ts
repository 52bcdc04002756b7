import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, listKey, numberKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * R's package versions: at least two numbers between dots and dashes, which mean the same; a shorter version before one
 * that it begins. A version is its text, as in the names of package files: `1.0-1` and `1.0.1` are two versions although
 * neither is newer.
 */
export const cran: VersionScheme = {
  normalize(text) {
    return parse(text) === undefined ? undefined : text.trim();
  },
  compare: compareBy(sortKey),
  sortKey,
  /** By convention a fourth number from 9000 on counts the states between two releases. */
  isPrerelease: (text) => BigInt(mustParse(text)[3] ?? "0") >= 9000n,
};

function parse(text: string): string[] | undefined {
  const trimmed = text.trim();
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
