import { counted } from "../../lib/text/format-size.ts";
import type { BlobInfo } from "../../stores/store.ts";
import { sameContent } from "../../stores/same-content.ts";

/**
 * How source and target differ at one key: robocopy's eight classes of files (Microsoft, "robocopy", and the Resource
 * Kit's description of its log).
 */
export type MirrorClass = "lonely" | "newer" | "older" | "changed" | "tweaked" | "same" | "extra" | "mismatched";

/** What a mirror does at a key. `compare`: the listings do not suffice to decide; see `fetchDetails`. */
export type MirrorAction = "copy" | "skip" | "extra" | "compare";

export interface Decision {
  class: MirrorClass;
  action: MirrorAction;
}

export interface CompareOptions {
  /** Compare hashes, reading blobs whose hash is not known, instead of size and time. */
  checksum: boolean;
  /** Blobs of equal size are the same. */
  sizeOnly: boolean;
  /** Milliseconds by which equal times may differ, for stores that keep times with less precision. */
  timeWindow: number;
  /** Classes that are not copied: `older`, `newer`, `changed`, `lonely`; with `extra`, not reported or deleted. */
  leave: ReadonlySet<MirrorClass>;
}

/** The blobs at one key. */
export interface Pair {
  source?: BlobInfo | undefined;
  target?: BlobInfo | undefined;
  /** An earlier run proved both to be equal, and neither tag has changed since. */
  proven: boolean;
  /** The times are those of the files, not of their upload. Without it times are not compared. */
  timesKnown: boolean;
}

/** Decides what to do at a key. Pure; `compare` when hashes or times are needed that the pair lacks. */
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
  if (equal === undefined && (options.checksum || time === undefined)) return { class: "changed", action: "compare" };
  if (equal === undefined && time === "changed") return { class: "same", action: "skip" };
  if (time !== undefined) return choose(time, options);
  // they differ: the times are fetched only when an option depends on which is newer
  return { class: "changed", action: timeClasses.some((kind) => options.leave.has(kind)) ? "compare" : "copy" };
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

/** The most that may be deleted: a number of blobs, or a share of those in the target. */
export type Limit = { count: number } | { percent: number };

/** Deleting more than half of a target is usually a mistake. What is replaced does not count here. */
const DEFAULT_LIMIT = { percent: 50 };

export interface DeletePlan {
  /** Blobs to delete: in the target and not in the source. */
  extras: number;
  /** How many of them only make room: a file became a folder, or a folder a file. */
  replaced?: number;
  /** Blobs that the target lists and the filters select. */
  targets: number;
  /** Blobs that the source lists and the filters select. */
  sources: number;
}

/**
 * Why the deletes are refused; undefined when they are allowed. Decides about the whole plan, before the first delete.
 */
export function refuseDeletes(plan: DeletePlan, limit: Limit | undefined): string | undefined {
  if (plan.extras === 0) return undefined;
  if (plan.sources === 0) return "the source is empty, or the filters select nothing of it";
  const { extras, targets, replaced = 0 } = plan;
  if (limit !== undefined && "count" in limit) {
    return extras > limit.count
      ? `${counted(extras, "blob")} would be deleted, more than the ${limit.count} allowed`
      : undefined;
  }
  const { percent } = limit ?? DEFAULT_LIMIT;
  const counting = limit === undefined ? extras - replaced : extras;
  const share = (counting / Math.max(1, targets)) * 100;
  return share > percent
    ? `${counting} of ${counted(targets, "blob")} would be deleted, more than the ${percent}% allowed`
    : undefined;
}

/**
 * Robocopy's exit status: a bit mask of 1 copied, 2 extras, 4 mismatches, 8 failures. `broken`: the run was ended by an
 * error or a guard, which is 8, or 16 when nothing was copied.
 */
export function robocopyStatus(
  summary: { copied: number; extras: number; mismatch: number; failed: number },
  broken: boolean,
): number {
  const { copied, extras, mismatch, failed } = summary;
  if (broken && copied === 0) return 16;
  return (copied > 0 ? 1 : 0) | (extras > 0 ? 2 : 0) | (mismatch > 0 ? 4 : 0) | (failed > 0 || broken ? 8 : 0);
}
