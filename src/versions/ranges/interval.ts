import { FeedctlError } from "../../errors.ts";
import type { VersionScheme } from "../scheme.ts";

/** A lower or upper bound of sort keys. */
export interface Bound {
  key: Buffer;
  included: boolean;
}

/** The versions whose sort keys are between two bounds. Without a bound the interval is open on that side. */
export interface Interval {
  from?: Bound | undefined;
  to?: Bound | undefined;
  /** Excludes prereleases. */
  stableOnly?: boolean | undefined;
}

/** The syntax of one ecosystem's version ranges. */
export interface RangeSyntax {
  /** For messages. */
  readonly example: string;
  /** Returns a union of intervals. Throws `usage` if the text is not a range. */
  parse(text: string): Interval[];
}

export const everything: Interval = {};

export function rangeError(text: string, why: string, hint?: string): FeedctlError {
  return new FeedctlError("usage", `${JSON.stringify(text)} is not a version range: ${why}`, { hint });
}

/** The sort key of a version in a range. Throws `usage` if it is not a version; `range` is for the message. */
export function keyOf(scheme: VersionScheme, version: string, range: string): Buffer {
  if (scheme.normalize(version) === undefined) throw rangeError(range, `${JSON.stringify(version)} is not a version`);
  return scheme.sortKey(version);
}

/** The interval of all keys that begin with these bytes. */
export function beginningWith(prefix: Buffer): Interval {
  return { from: { key: prefix, included: true }, to: { key: afterAll(prefix), included: false } };
}

/** A bound above all keys that begin with `prefix`: no key continues with eight bytes of 255. */
export function afterAll(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.alloc(8, 255)]);
}

/** The intersection of two unions of intervals. */
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

/** The complement of an interval, which must not be `stableOnly`. */
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

/** The tighter of two bounds. `side` 1: the higher of two lower bounds; -1: the lower of two upper bounds. */
function tighter(a: Bound | undefined, b: Bound | undefined, side: 1 | -1): Bound | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const order = Buffer.compare(a.key, b.key) * side;
  if (order === 0) return a.included ? b : a;
  return order > 0 ? a : b;
}
