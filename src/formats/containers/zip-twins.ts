import { createHash } from "node:crypto";
import { limits } from "../../lib/limits.ts";
import { beyondLimit, invalid } from "../read-package.ts";

/**
 * Entries of a zip archive that share a name. Some builders write a file twice; unzip and pip read such an archive, and
 * which of the two they take does not matter while both have the same content.
 */
export interface Twins {
  /** How many entries have the name of an earlier one. */
  readonly count: number;
  /** To be called for every entry, in order. Returns a unique name for one whose name an earlier one has. */
  rename(name: string): string | undefined;
  /** Whether the entry has the name of an earlier one. */
  isTwin(index: number): boolean;
  /** Begins a second pass over the same entries. */
  restart(): void;
  /** For every entry of the second pass. Reads it if it has a twin; rejects when their contents differ. */
  compare(index: number, offset: number, entry: Content): Promise<void>;
}

interface Content {
  directory: boolean;
  chunks(): AsyncIterable<Uint8Array>;
}

export function createTwins(): Twins {
  const names = new Map<string, number>();
  /** The index of the first entry with the same name, by the index of a later one. */
  const firstOf = new Map<number, number>();
  const nameOf = new Map<number, string>();
  const seen = new Map<number, { offset: number; hash: string }>();
  let next = 0;
  return {
    get count() {
      return firstOf.size;
    },
    rename(name) {
      const index = next++;
      const first = names.get(name);
      if (first === undefined) names.set(name, index);
      // U+FFFF, with which a renamed entry begins, is in no name of a file
      if (first === undefined || first === index) return undefined;
      firstOf.set(index, first);
      nameOf.set(index, name);
      nameOf.set(first, name);
      return `\uffff${index}\uffff${name}`;
    },
    isTwin: (index) => firstOf.has(index),
    restart() {
      next = 0;
    },
    async compare(index, offset, entry) {
      const name = nameOf.get(index);
      if (name === undefined) return;
      const first = seen.get(firstOf.get(index) ?? index);
      // the directory may list one and the same entry twice
      if (first?.offset === offset) return;
      const hash = entry.directory ? "a directory" : await hashOf(entry);
      if (first === undefined) seen.set(index, { offset, hash });
      else if (first.hash !== hash)
        throw invalid(`the zip archive holds ${JSON.stringify(name)} twice, with different content`);
    },
  };
}

async function hashOf({ chunks }: Content): Promise<string> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of chunks()) {
    size += chunk.length;
    if (size > limits.inflated) throw beyondLimit("inflated", "a file that the zip archive holds twice has");
    hash.update(chunk);
  }
  return hash.digest("hex");
}
