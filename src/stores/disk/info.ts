import { fileTime } from "../../lib/files/file-time.ts";
import type { Key } from "../../lib/key.ts";
import type { BlobInfo } from "../store.ts";

/** What `describeFile` needs of a file's stats. Small, because threads send it to each other. */
export interface FileFacts {
  size: number;
  mtimeMs: number;
  ino: number;
  /** When anything about the file changed last. Unlike `mtimeMs` no program can set it. */
  ctimeMs: number;
}

export function describeFile(key: Key, facts: FileFacts): BlobInfo {
  // Rounded, because a time that was set to .789 s may be read back as .78899999.
  return { key, size: facts.size, modified: new Date(Math.round(fileTime(facts.mtimeMs))), tag: tagOf(facts) };
}

/** Compared by `sameTag` and `sameBlob`, which know tags without the last part, of earlier versions. */
export function tagOf({ mtimeMs, size, ino, ctimeMs }: FileFacts): string {
  return `${mtimeMs}-${size}-${ino}@${ctimeMs}`;
}
