import { parseKey, parseTargetPath, type Key } from "../stores/key.ts";

export interface Trash {
  /** Everything below it is invisible to the mirror. */
  root: string;
  keyOf(key: Key): Key;
}

/** A trash prefix in the target; each run has its own folder below it, named by its time, so that none overwrites another's. */
export function trashKey(prefix: string, now: Date): Trash {
  const root = parseTargetPath(prefix);
  const folder = now.toISOString().replaceAll(/[-:]/g, "").replace(/\.\d+Z$/, "Z");
  return { root, keyOf: (key) => parseKey(`${root}${folder}/${key}`) };
}
