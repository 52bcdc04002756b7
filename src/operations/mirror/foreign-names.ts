/** Names that the source holds and that can be no blobs: links, special files. */
export interface ForeignNames {
  add(name: string): void;
  /** Whether the key is such a name or lies below one. What is behind a link is not known, so it is not gone either. */
  holds(key: string): boolean;
}

export function createForeignNames(): ForeignNames {
  const names = new Set<string>();
  return {
    add(name) {
      // `folder/` is a marker that other tools leave in buckets; it stands for nothing but itself
      if (!name.endsWith("/")) names.add(name);
    },
    holds(key) {
      if (names.size === 0) return false;
      for (let end = key.length; end !== -1; end = key.lastIndexOf("/", end - 1)) {
        if (names.has(key.slice(0, end))) return true;
        if (end === 0) return false;
      }
      return false;
    },
  };
}
