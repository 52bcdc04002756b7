import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { parseBlobName, parseTargetPath } from "../../stores/key.ts";

export interface Trash {
  /** Key prefix, with a slash at its end. The mirror ignores it on both sides. */
  root: string;
  /** The key in the trash for a blob of the target. */
  keyOf(key: Key): Key;
}

/**
 * Each run has its own folder below the prefix, named by the time, so that runs do not overwrite each other's copies.
 */
export function createTrash(prefix: string, now: Date): Trash {
  const root = parseTargetPath(prefix);
  if (root === "") throw new FeedctlError("usage", "the trash needs a prefix of its own, such as .trash");
  const folder = now.toISOString().replaceAll(/[-:]/g, "");
  return { root, keyOf: (key) => parseBlobName(`${root}${folder}/${key}`) };
}
