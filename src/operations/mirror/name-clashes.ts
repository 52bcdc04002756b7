import { lstatSync } from "node:fs";
import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";

/**
 * Finds keys that a disk cannot store together: a file `a` excludes `a/b`, while buckets can hold both. Clashes are
 * found before any copy starts, so that a dry run reports them too, and so that the first in key order wins, whichever
 * copy is faster.
 */
export interface NameClashes {
  /**
   * Why no blob can be stored at a key that the target does not list; undefined when it can. Keys must come in order.
   */
  find(key: string): string | undefined;
  /** Adds a key that exists in the target or is going to be copied. Keys must come in order. */
  add(key: string): void;
}

export function createNameClashes({ localPath }: Pick<Store, "localPath">): NameClashes {
  if (localPath === undefined) return { find: () => undefined, add: () => {} };
  // a stack: each key is a prefix of the next, and may be a folder of the keys to come
  const files: string[] = [];

  function forgetPassed(key: string): void {
    for (let last = files.at(-1); last !== undefined; last = files.at(-1)) {
      if (key.startsWith(last) && key.charCodeAt(last.length) <= SLASH) return;
      files.pop();
    }
  }

  return {
    find(key) {
      forgetPassed(key);
      const file = files.find((each) => key.startsWith(`${each}/`));
      if (file !== undefined) return `its folder ${file} exists as a file`;
      const found = lstatSync(localPath(parseKey(key)), { throwIfNoEntry: false });
      if (found === undefined || found.isFile()) return undefined;
      return found.isDirectory()
        ? "a folder of that name exists"
        : "something of that name exists that is not a regular file";
    },
    add(key) {
      forgetPassed(key);
      files.push(key);
    },
  };
}

const SLASH = "/".charCodeAt(0);
