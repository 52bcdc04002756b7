import Range from "semver/classes/range.js";
import parse from "semver/functions/parse.js";
import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, listKey, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import { intersect, rangeError, type Interval, type RangeSyntax } from "./ranges/interval.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Semantic Versioning 2 as npm parses it: a leading `v` and surrounding blanks are allowed, numbers beyond 2^53 are
 * not. Build metadata are ignored. Unlike in npm's library, numeric prerelease identifiers beyond 2^53 are ordered
 * exactly.
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

/** npm's ranges. As in npm, a prerelease only matches if a bound names a prerelease of the same release. */
export const npmRange: RangeSyntax = {
  example: "^1.2 || >=3.0.0 <4.0.0",
  parse: (text) => intervalsOf(text, text),
};

/** Cargo's requirements: comparisons separated by commas, which must all match. A version alone means `^`. */
export const cargoRange: RangeSyntax = {
  example: ">=1.2, <2.0",
  parse(text) {
    const parts = text.split(",").map((part) => part.trim());
    if (parts.some((part) => part === "" || part.includes("|"))) throw rangeError(text, "its form is >=1.2, <2.0");
    return intervalsOf(
      text,
      parts.map((part) => (/^[0-9]/.test(part) && !part.includes("*") ? `^${part}` : part)).join(" "),
    );
  },
};

function intervalsOf(text: string, range: string): Interval[] {
  if (text.trim() === "") throw rangeError(text, "it is empty");
  let alternatives;
  try {
    alternatives = new Range(range).set;
  } catch {
    throw rangeError(text, "npm's form is ^1.2 || >=3.0.0 <4.0.0");
  }
  return alternatives.flatMap((comparators) => {
    const bounds = comparators.filter(({ value }) => value !== "");
    let between: Interval[] = [{}];
    for (const { operator, semver: version } of bounds) {
      const bound = { key: sortKey(version.version), included: operator.length !== 1 || operator === "=" };
      const lower = !operator.startsWith("<") && { from: bound };
      const upper = !operator.startsWith(">") && { to: bound };
      between = intersect(between, [{ ...lower, ...upper }]);
    }
    const named = bounds.filter(({ semver: { prerelease } }) => prerelease.length > 0);
    return [
      ...intersect(between, [{ stableOnly: true }]),
      ...named.flatMap(({ semver: { major, minor, patch } }) => {
        const release = `${major}.${minor}.${patch}`;
        const first = { key: sortKey(`${release}-0`), included: true };
        return intersect(between, [{ from: first, to: { key: sortKey(release), included: false } }]);
      }),
    ];
  });
}
