import picomatch from "picomatch";
import type { BlobInfo } from "../stores/store.ts";

export interface FilterInput {
  /** Only keys that match one of these, if there are any. */
  include: readonly string[];
  exclude: readonly string[];
  /** Bytes. */
  minSize?: number | undefined;
  maxSize?: number | undefined;
  /** Milliseconds since the last modification. */
  minAge?: number | undefined;
  maxAge?: number | undefined;
  now: Date;
}

/** Whether the mirror looks at a key at all. What it does not look at is neither copied nor deleted. */
export type Filter = (key: string, blob: BlobInfo) => boolean;

/**
 * Patterns with a slash match the whole key, others the last segment or any folder's name, as robocopy's /XF and /XD do.
 * `*` stays within a segment, `**` does not.
 */
export function createFilter(input: FilterInput): Filter {
  const included = matcher(input.include);
  const excluded = matcher(input.exclude);
  return (key, blob) => {
    if (included !== undefined && !included(key)) return false;
    if (excluded?.(key)) return false;
    if (input.minSize !== undefined && blob.size < input.minSize) return false;
    if (input.maxSize !== undefined && blob.size > input.maxSize) return false;
    const age = input.now.getTime() - blob.modified.getTime();
    return !(input.minAge !== undefined && age < input.minAge) && !(input.maxAge !== undefined && age > input.maxAge);
  };
}

function matcher(patterns: readonly string[]): ((key: string) => boolean) | undefined {
  if (patterns.length === 0) return undefined;
  const whole = patterns
    .filter((pattern) => pattern.includes("/"))
    .map((pattern) => pattern.replace(/^\//, "").replace(/\/$/, "/**"));
  const names = patterns.filter((pattern) => !pattern.includes("/"));
  const matchesWhole = whole.length === 0 ? () => false : picomatch(whole, { dot: true });
  const matchesName = names.length === 0 ? () => false : picomatch(names, { dot: true });
  return (key) => matchesWhole(key) || (names.length > 0 && key.split("/").some((segment) => matchesName(segment)));
}
