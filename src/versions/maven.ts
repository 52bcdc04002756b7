import { FeedctlError } from "../errors.ts";
import { parseMavenVersion, qualifierRank, RELEASE, type Item } from "./maven-items.ts";
import { compareBy, concatKeys, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Maven versions in the order of Maven 3.9 (`ComparableVersion`). Nothing is normalised: `1.0` and `1.0.0` are equal in
 * order, but have different folders in a repository.
 *
 * There are two differences. A timestamped build (`1.0-20200101.120000-3`) sorts by its time directly after its
 * `1.0-SNAPSHOT`, while Maven sorts it after the release. And where Maven's order is not transitive, as in
 * `1 < 1-sp < 1.0-0-alpha < 1`, the comparison with the missing part decides.
 */
export const maven: VersionScheme = {
  normalize: (text) => (isVersion(text) ? text : undefined),
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease: (text) => snapshotOf(requireVersion(text)) !== undefined || hasPreview(parseMavenVersion(text)),
};

export interface TimestampedBuild {
  /** The snapshot version that was built: `1.0-SNAPSHOT`. */
  base: string;
  /** `20200101.120000`, in UTC. */
  timestamp: string;
  build: string;
}

/** The parts of a version such as `1.0-20200101.120000-3`; undefined for every other version. */
export function parseTimestampedBuild(version: string): TimestampedBuild | undefined {
  const match = /^(?:(.*)-)?([0-9]{8}\.[0-9]{6})-([0-9]+)$/s.exec(version);
  if (match === null) return undefined;
  const [, base, timestamp, build] = match;
  return { base: base === undefined ? "SNAPSHOT" : `${base}-SNAPSHOT`, timestamp: timestamp!, build: build! };
}

/** The snapshot version, whose folder has the files of all its builds. Undefined: not a snapshot. */
export function snapshotOf(version: string): string | undefined {
  if (/(?:^|-)SNAPSHOT$/i.test(version)) return version;
  return parseTimestampedBuild(version)?.base;
}

const MAX_LENGTH = 255;

/** Excludes the characters that Maven forbids in versions, and also blanks and non-ASCII, which no version uses. */
function isVersion(text: string): boolean {
  return text.length <= MAX_LENGTH && /^[!-~]+$/.test(text) && !/[\\/:"<>|?*[\](){},]|^\.{1,2}$/.test(text);
}

function sortKey(text: string): Buffer {
  const build = parseTimestampedBuild(requireVersion(text));
  if (build === undefined) return itemsKey(parseMavenVersion(text));
  const pieces = [...build.timestamp.split("."), build.build].map(numberKey);
  return concatKeys(itemsKey(parseMavenVersion(build.base)), ...pieces);
}

// The possible contents of a position, in ascending order. The rest of a list sorts before or after the end of a list,
// as it compares with an empty list.
const BELOW_END = rankKey(0);
const END = rankKey(1);
const ABOVE_END = rankKey(2);
const TEXT = rankKey(0);
const LIST = rankKey(1);
const NUMBER = rankKey(2);

function itemsKey(items: readonly Item[]): Buffer {
  const pieces: Uint8Array[] = [];
  const signs = suffixSigns(items);
  for (const [index, item] of items.entries()) {
    const sign = signs[index]!;
    if (sign === 0) break;
    pieces.push(sign < 0 ? BELOW_END : ABOVE_END, itemKey(item));
  }
  return concatKeys(...pieces, END);
}

function itemKey(item: Item): Uint8Array {
  if (item.kind === "number") return concatKeys(NUMBER, numberKey(item.digits));
  if (item.kind === "list") return concatKeys(LIST, itemsKey(item.items));
  const rank = qualifierRank(item.text);
  return concatKeys(TEXT, rank === undefined ? concatKeys(rankKey(255), textKey(item.text)) : rankKey(rank));
}

/** How the rest of the list from each position compares with an empty list: by its first item that is not neutral. */
function suffixSigns(items: readonly Item[]): number[] {
  const signs: number[] = [];
  let sign = 0;
  for (const item of items.toReversed()) {
    sign = itemSign(item) || sign;
    signs.push(sign);
  }
  return signs.toReversed();
}

function itemSign(item: Item): number {
  if (item.kind === "number") return item.digits === "0" ? 0 : 1;
  if (item.kind === "list") return suffixSigns(item.items)[0] ?? 0;
  return Math.sign((qualifierRank(item.text) ?? 255) - RELEASE);
}

/** Maven does not define prereleases. Looks for the usual words anywhere in the version. */
function hasPreview(items: readonly Item[]): boolean {
  return items.some((item) => {
    if (item.kind === "list") return hasPreview(item.items);
    if (item.kind === "number") return false;
    return (qualifierRank(item.text) ?? RELEASE) < RELEASE || ["preview", "ea"].includes(item.text);
  });
}

function requireVersion(text: string): string {
  if (!isVersion(text)) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a Maven version`);
  return text;
}
