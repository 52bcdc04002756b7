/** Names at one end that are not blobs: links and special files. */
export interface ForeignNames {
  add(name: string): void;
  /**
   * Whether the key is such a name or below one. The target of a link is not listed: files below it may still exist.
   */
  covers(key: string): boolean;
  /** Whether such a name is in the folder or below it. */
  areIn(folder: string): boolean;
}

export function createForeignNames(): ForeignNames {
  const names = new Set<string>();
  return {
    add(name) {
      // `folder/` is an empty object by which other tools mark folders in buckets: it hides no keys
      if (!name.endsWith("/")) names.add(name);
    },
    covers(key) {
      if (names.size === 0) return false;
      for (let end = key.length; end !== -1; end = key.lastIndexOf("/", end - 1)) {
        if (names.has(key.slice(0, end))) return true;
        if (end === 0) return false;
      }
      return false;
    },
    areIn: (folder) => names.values().some((name) => name.startsWith(`${folder}/`)),
  };
}
