import { lstatSync } from "node:fs";
import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";

/**
 * Finds keys that a disk cannot hold beside others: with a file `a` there can be no `a/b`. Buckets hold both, so the
 * question arises in every mirror from one to a disk. Told before anything is tried, so that a dry run knows it too,
 * and so that it does not depend on which of two copies is quicker: the first in key order wins.
 */
export interface Obstacles {
  /** Why no blob can be stored at a key that the target does not list, or undefined. Keys come in order. */
  at(key: string): string | undefined;
  /** There is, or will be, a blob at this key. Keys come in order. */
  occupy(key: string): void;
}

export function createObstacles({ localPath }: Pick<Store, "localPath">): Obstacles {
  if (localPath === undefined) return { at: () => undefined, occupy: () => {} };
  // each is the beginning of the next, and all may still be the folder of a key to come: never more than a key is long
  const files: string[] = [];

  function forgetPassed(key: string): void {
    for (let last = files.at(-1); last !== undefined; last = files.at(-1)) {
      if (key.startsWith(last) && key.charCodeAt(last.length) <= SLASH) return;
      files.pop();
    }
  }

  return {
    at(key) {
      forgetPassed(key);
      const file = files.find((each) => key.startsWith(`${each}/`));
      if (file !== undefined) return `a file stands where its folder ${file} should be`;
      const found = lstatSync(localPath(parseKey(key)), { throwIfNoEntry: false });
      if (found === undefined || found.isFile()) return undefined;
      return found.isDirectory()
        ? "a folder stands in its place"
        : "something that is no regular file stands in its place";
    },
    occupy(key) {
      forgetPassed(key);
      files.push(key);
    },
  };
}

const SLASH = "/".charCodeAt(0);
