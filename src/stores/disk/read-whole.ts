// Reads whole small files with few system calls. For threads: its calls block.
import { hash } from "node:crypto";
import * as fs from "node:fs";
import { basename } from "node:path";
import { READ_ONLY } from "../../lib/files/open-regular-file.ts";
import { sameBlob } from "../same-tag.ts";
import { tagOf } from "./info.ts";
import { createFolderCache, type FolderCache } from "./parent.ts";
import { belowRoot } from "./read.ts";

export interface WholeRead {
  path: string;
  /** As in `BlobSource`. */
  pathRoot: string | undefined;
  size: number;
  /** The file must have it after it was read. Undefined: only the size is compared. */
  tag: string | undefined;
}

/** Undefined: something was unusual; the slow path meets it again and reports it. */
export type WholeReadResult = { bytes: Uint8Array<ArrayBuffer>; sha256: string; md5: string } | undefined;

/** Reads the files and hashes them, in the order of `reads`. */
export function readWholeFiles(reads: readonly WholeRead[]): WholeReadResult[] {
  using cache = createFolderCache(() => {});
  return reads.map((read) => {
    const bytes = new Uint8Array(read.size);
    try {
      if (!readWholeFile(read, bytes, cache)) return undefined;
    } catch {
      return undefined;
    }
    return { bytes, sha256: hash("sha256", bytes), md5: hash("md5", bytes) };
  });
}

/**
 * Fills `into`, which has the file's size. False: the path names no regular file, or the file has another size or tag by
 * now. Throws the file system's errors.
 */
export function readWholeFile(read: WholeRead, into: Uint8Array, cache: FolderCache): boolean {
  const folder = cache.folder(...belowRoot(read, read.path));
  const descriptor = fs.openSync(folder.at(basename(read.path)), READ_ONLY);
  try {
    let length = 0;
    for (let count = 1; count > 0 && length < read.size; length += count)
      count = fs.readSync(descriptor, into, length, read.size - length, length);
    // Of the open file, not its path: the path may name another file by now.
    const stats = fs.fstatSync(descriptor);
    if (!stats.isFile() || length !== read.size || stats.size !== read.size) return false;
    return read.tag === undefined || sameBlob(read.tag, tagOf(stats));
  } finally {
    fs.closeSync(descriptor);
  }
}
