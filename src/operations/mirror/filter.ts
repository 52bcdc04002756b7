import type { BlobInfo } from "../../stores/store.ts";
import { matcherOf } from "../local-files/patterns.ts";

export interface FilterInput {
  /** Patterns of which a key must match one. Empty: all keys. */
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

/**
 * Whether the mirror includes a key. Other keys are neither copied nor deleted. Without a blob, whose name is all that
 * is known of it, the patterns decide.
 */
export type Filter = (key: string, blob?: BlobInfo) => boolean;

export function createFilter(input: FilterInput): Filter {
  const included = matcherOf(input.include);
  const excluded = matcherOf(input.exclude);
  return (key, blob) => {
    if (included !== undefined && !included(key)) return false;
    if (excluded?.(key)) return false;
    if (blob === undefined) return true;
    if (input.minSize !== undefined && blob.size < input.minSize) return false;
    if (input.maxSize !== undefined && blob.size > input.maxSize) return false;
    const age = input.now.getTime() - blob.modified.getTime();
    return !(input.minAge !== undefined && age < input.minAge) && !(input.maxAge !== undefined && age > input.maxAge);
  };
}
