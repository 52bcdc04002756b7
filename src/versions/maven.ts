import { FeedctlError } from "../errors.ts";
import { parseMavenVersion, qualifierRank, RELEASE, type Item } from "./maven-items.ts";
import { compareBy, concatKeys, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Maven versions in the order of Maven 3.9 (`ComparableVersion`). A version is its text: `1.0` and `1.0.0` are equal in
 * order, but live in two folders of a repository, so nothing is normalised.
 *
 * Two things differ. A timestamped build (`1.0-20200101.120000-3`) sorts by its time right after its `1.0-SNAPSHOT`,
 * where Maven's comparison would place it after the release. And where Maven's own order runs in a circle, as in
 * `1 < 1-sp < 1.0-0-alpha < 1`, the place beside the missing part decides.
 */
export const maven: VersionScheme = {
  normalize: (text) => (isVersion(text) ? text : undefined),
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease: (text) => snapshotOf(mustBe(text)) !== undefined || hasPreview(parseMavenVersion(text)),
};

export interface TimestampedBuild {
  /** What it is a build of: `1.0-SNAPSHOT`. */
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

/** The version whose folder holds the files: builds of a snapshot lie together. */
export function snapshotOf(version: string): string | undefined {
  if (/(?:^|-)SNAPSHOT$/i.test(version)) return version;
  return parseTimestampedBuild(version)?.base;
}

const MAX_LENGTH = 255;

/** What Maven forbids in versions, because they become file names; blanks and letters beyond ASCII nobody has. */
function isVersion(text: string): boolean {
  return text.length <= MAX_LENGTH && /^[!-~]+$/.test(text) && !/[\\/:"<>|?*[\](){},]|^\.{1,2}$/.test(text);
}

function sortKey(text: string): Buffer {
  const build = parseTimestampedBuild(mustBe(text));
  if (build === undefined) return itemsKey(parseMavenVersion(text));
  const pieces = [...build.timestamp.split("."), build.build].map(numberKey);
  return concatKeys(itemsKey(parseMavenVersion(build.base)), ...pieces);
}

// What a position holds, from low to high. The rest of a list stands before or after its end, as it would compare with
// nothing at all.
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

/** For each position, how what begins there compares with nothing: by its first item that is not equal to nothing. */
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

/** Maven knows no prereleases. These are the words that people use for them, wherever they stand. */
function hasPreview(items: readonly Item[]): boolean {
  return items.some((item) => {
    if (item.kind === "list") return hasPreview(item.items);
    if (item.kind === "number") return false;
    return (qualifierRank(item.text) ?? RELEASE) < RELEASE || ["preview", "ea"].includes(item.text);
  });
}

function mustBe(text: string): string {
  if (!isVersion(text)) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a Maven version`);
  return text;
}
