import parse from "semver/functions/parse.js";
import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, listKey, numberKey, rankKey, textKey } from "./sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Semantic Versioning 2 as npm reads it: a leading `v` and blanks around are tolerated, numbers beyond 2^53 are not.
 * Build metadata has no part in identity or order. Other than in npm's library, numeric prerelease identifiers beyond
 * 2^53 are ordered exactly.
 */
export const semver: VersionScheme = {
  normalize: (text) => parse(text)?.version,
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease: (text) => mustParse(text).prerelease.length > 0,
};

function sortKey(text: string): Buffer {
  const { major, minor, patch, prerelease } = mustParse(text);
  const numbers = [major, minor, patch].map(numberKey);
  if (prerelease.length === 0) return concatKeys(...numbers, rankKey(1));
  return concatKeys(...numbers, rankKey(0), listKey(prerelease.map((part) => identifierKey(String(part)))));
}

function identifierKey(identifier: string): Uint8Array {
  if (/^[0-9]+$/.test(identifier)) return concatKeys(rankKey(0), numberKey(identifier));
  return concatKeys(rankKey(1), textKey(identifier));
}

function mustParse(text: string) {
  const version = parse(text);
  if (version === null) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a semantic version`);
  return version;
}
