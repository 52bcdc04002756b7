import { counted } from "../../lib/format-size.ts";
import type { BlobInfo } from "../../stores/store.ts";
import { sameContent } from "../../stores/same-content.ts";

/**
 * Robocopy's eight classes of files (Microsoft, "robocopy", and the Resource Kit's manual of its log): what a pair of
 * source and target blob is, whatever is then done about it.
 */
export type MirrorClass = "lonely" | "newer" | "older" | "changed" | "tweaked" | "same" | "extra" | "mismatched";

/** What a mirror does about a key. `look`: the listings cannot decide; see `fetchDetails`. */
export type MirrorAction = "copy" | "skip" | "extra" | "look";

export interface Decision {
  class: MirrorClass;
  action: MirrorAction;
}

export interface CompareOptions {
  /** Read both sides where no hash is known; time and size alone prove nothing. */
  checksum: boolean;
  /** Equal sizes are enough. */
  sizeOnly: boolean;
  /** Milliseconds within which two times are equal: what the coarser of the two stores keeps. */
  timeWindow: number;
  /** Classes that are left alone: `older`, `newer`, `changed`, `lonely`. */
  leave: ReadonlySet<MirrorClass>;
}

/** What is known of a pair. */
export interface Pair {
  source?: BlobInfo | undefined;
  target?: BlobInfo | undefined;
  /** An earlier run proved both to be equal, and neither tag has changed since. */
  proven: boolean;
  /** The listed times are the blobs' own, not those of their storing. Without it times prove no difference. */
  timesKnown: boolean;
}

/** Pure: decides from the listings, and asks for a closer look (hashes, times) where they cannot tell. */
export function decide(pair: Pair, options: CompareOptions): Decision {
  const { source, target, timesKnown } = pair;
  if (source === undefined) return { class: "extra", action: "extra" };
  if (target === undefined) return choose("lonely", options);
  if (pair.proven) return { class: "same", action: "skip" };
  const sameSize = source.size === target.size;
  if (sameSize && options.sizeOnly) return { class: "same", action: "skip" };
  const time = timesKnown ? byTime(source, target, options) : undefined;
  const equal = sameSize ? sameContent(source, target) : false;
  if (equal === true) return { class: time === undefined || time === "changed" ? "same" : "tweaked", action: "skip" };
  if (equal === undefined && (options.checksum || time === undefined)) return { class: "changed", action: "look" };
  if (equal === undefined && time === "changed") return { class: "same", action: "skip" };
  if (time !== undefined) return choose(time, options);
  // it differs; which of the two is newer is asked only where that decides anything
  return { class: "changed", action: timeClasses.some((kind) => options.leave.has(kind)) ? "look" : "copy" };
}

const timeClasses = ["newer", "older", "changed"] as const;

function byTime(source: BlobInfo, target: BlobInfo, options: CompareOptions): "newer" | "older" | "changed" {
  const difference = source.modified.getTime() - target.modified.getTime();
  if (Math.abs(difference) <= options.timeWindow) return "changed";
  return difference > 0 ? "newer" : "older";
}

function choose(kind: MirrorClass, options: CompareOptions): Decision {
  return { class: kind, action: options.leave.has(kind) ? "skip" : "copy" };
}

/** A number of blobs, or a share of those in the target. */
export type Limit = { count: number } | { percent: number };

/** Deleting more than half of a target is more often a mistake than a wish; a handful is not worth the question. */
const DEFAULT_LIMIT: Limit = { percent: 50 };
const HANDFUL = 10;

export interface DeletePlan {
  /** To be deleted: in the target and not in the source. */
  extras: number;
  /** Blobs that the target lists and the filters let through. */
  targets: number;
  /** Blobs that the source lists and the filters let through. */
  sources: number;
}

/** Why the deletes must not be done, or undefined. Looks at the whole plan, before the first delete. */
export function refuseDeletes(plan: DeletePlan, limit: Limit | undefined): string | undefined {
  if (plan.extras === 0) return undefined;
  if (plan.sources === 0) return "the source is empty, or the filters leave nothing of it";
  const { extras, targets } = plan;
  if (limit !== undefined && "count" in limit) {
    return extras > limit.count
      ? `${counted(extras, "blob")} would be deleted, more than the ${limit.count} allowed`
      : undefined;
  }
  const { percent } = limit ?? (DEFAULT_LIMIT as { percent: number });
  if (limit === undefined && extras <= HANDFUL) return undefined;
  const share = (extras / Math.max(1, targets)) * 100;
  return share > percent
    ? `${extras} of ${counted(targets, "blob")} would be deleted, more than the ${percent}% allowed`
    : undefined;
}

/**
 * Robocopy's exit bits: 1 copied, 2 extras, 4 mismatches, 8 failures. A run that broke off, by an error or a guard, is a
 * failure, and 16 where nothing was copied.
 */
export function robocopyStatus(
  summary: { copied: number; extras: number; mismatch: number; failed: number },
  broken: boolean,
): number {
  const { copied, extras, mismatch, failed } = summary;
  if (broken && copied === 0) return 16;
  return (copied > 0 ? 1 : 0) | (extras > 0 ? 2 : 0) | (mismatch > 0 ? 4 : 0) | (failed > 0 || broken ? 8 : 0);
}
