import { FeedctlError } from "../../errors.ts";
import { parseKey, parseTargetPath, type Key } from "../../stores/key.ts";

export interface Trash {
  /** Everything below it is invisible to the mirror, on both sides. */
  root: string;
  keyOf(key: Key): Key;
}

/**
 * A trash prefix in the target; each run has its own folder below it, named by its time, so that none overwrites
 * another's.
 */
export function createTrash(prefix: string, now: Date): Trash {
  const root = parseTargetPath(prefix);
  if (root === "") throw new FeedctlError("usage", "the trash needs a prefix of its own, such as .trash");
  const folder = now.toISOString().replaceAll(/[-:]/g, "");
  return { root, keyOf: (key) => parseKey(`${root}${folder}/${key}`) };
}
