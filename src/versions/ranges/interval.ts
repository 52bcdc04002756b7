import { FeedctlError } from "../../errors.ts";
import type { VersionScheme } from "../scheme.ts";

/** A bound of sort keys. */
export interface Bound {
  key: Buffer;
  included: boolean;
}

/** Versions whose sort keys lie between two bounds; an absent one is open to its side. */
export interface Interval {
  from?: Bound | undefined;
  to?: Bound | undefined;
  /** Prereleases are not meant. */
  stableOnly?: boolean | undefined;
}

/** How one ecosystem writes version ranges. */
export interface RangeSyntax {
  /** For messages. */
  readonly example: string;
  /** The union of intervals that the text means. Throws `usage` for what is no range. */
  parse(text: string): Interval[];
}

export const everything: Interval = {};

export function noRange(text: string, why: string, hint?: string): FeedctlError {
  return new FeedctlError("usage", `${JSON.stringify(text)} is no version range: ${why}`, { hint });
}

/** Sort key of a version that stands in a range. */
export function keyOf(scheme: VersionScheme, version: string, range: string): Buffer {
  if (scheme.normalize(version) === undefined) throw noRange(range, `${JSON.stringify(version)} is no version`);
  return scheme.sortKey(version);
}

/** Keys that begin with these bytes: beyond all of them no key goes, for every piece of a key is followed by less. */
export function beginningWith(prefix: Buffer): Interval {
  return { from: { key: prefix, included: true }, to: { key: afterAll(prefix), included: false } };
}

/** The first byte string behind all that begin with `prefix`. */
export function afterAll(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.alloc(8, 255)]);
}

/** What lies in both unions. */
export function intersect(one: readonly Interval[], other: readonly Interval[]): Interval[] {
  return one
    .flatMap((a) =>
      other.map((b) => ({
        from: tighter(a.from, b.from, 1),
        to: tighter(a.to, b.to, -1),
        stableOnly: a.stableOnly || b.stableOnly || undefined,
      })),
    )
    .filter((interval) => !isEmpty(interval));
}

/** All versions that do not lie in the interval, which must mean prereleases as well. */
export function outside({ from, to }: Interval): Interval[] {
  return [
    ...(from === undefined ? [] : [{ to: { key: from.key, included: !from.included } }]),
    ...(to === undefined ? [] : [{ from: { key: to.key, included: !to.included } }]),
  ];
}

export function isEmpty({ from, to }: Interval): boolean {
  if (from === undefined || to === undefined) return false;
  const order = Buffer.compare(from.key, to.key);
  return order > 0 || (order === 0 && !(from.included && to.included));
}

/** `side` 1: of two lower bounds the higher; -1: of two upper bounds the lower. */
function tighter(a: Bound | undefined, b: Bound | undefined, side: 1 | -1): Bound | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const order = Buffer.compare(a.key, b.key) * side;
  if (order === 0) return a.included ? b : a;
  return order > 0 ? a : b;
}
