// Stores many small files at once with few system calls, each of them all or nothing. Runs in a thread: its calls
// block.
import { hash } from "node:crypto";
import * as fs from "node:fs";
import { promisify } from "node:util";
import type { Folder } from "../../lib/files/open-folder.ts";
import type { Key } from "../../lib/key.ts";
import { diskError } from "./errors.ts";
import { packError, type PackedError } from "../../errors.ts";
import type { FileFacts } from "./info.ts";
import { temporaryName } from "./names.ts";
import { removeEmptyFolders, syncFolder } from "./folders.ts";
import { createFolderCache, nameOf, type FolderCache } from "./parent.ts";
import { readWholeFile } from "./read-whole.ts";

/** Largest size of a file that is copied here, in bytes. Copying inside the kernel is faster above it. */
export const SMALL = 64 * 1024;

export interface SmallPut {
  root: string;
  key: Key;
  /**
   * Where the bytes begin in shared memory, or a local file. With `tag` the file must still have it after it was read;
   * `pathRoot` as in `BlobSource`.
   */
  from: number | { path: string; tag: string | undefined; pathRoot: string | undefined };
  size: number;
  sha256: string | undefined;
  replace: boolean;
  /** Milliseconds. */
  modified: number | undefined;
  mode: number | undefined;
  durable: boolean;
}

/**
 * `put`: done. `pass`: something was unusual and nothing was changed, so the slow path must handle the blob.
 * `unsafe`: the blob exists, but flushing its folder failed.
 */
export type SmallPutResult =
  | { is: "put"; outcome: "created" | "replaced"; facts: FileFacts; sha256: string | undefined }
  | { is: "pass" }
  | { is: "unsafe"; error: PackedError };

interface Written {
  folder: Folder;
  /** The path of the temporary file. */
  path: string;
  descriptor: number;
  facts: FileFacts;
  sha256: string | undefined;
}

const buffer = Buffer.allocUnsafe(SMALL);

const flushFile = promisify(fs.fdatasync);

/**
 * Returns the results in the order of `puts`. Durable files are flushed before they are reported as done: all files of
 * a call together and each folder once, so that the file system can merge its journal writes.
 */
export async function putSmallFiles(puts: readonly SmallPut[], memory: Uint8Array): Promise<SmallPutResult[]> {
  const folders = new Set<string>();
  // A new folder survives a power cut only when its parent is flushed.
  using cache = createFolderCache((parent) => folders.add(parent));
  const files = puts.map((put) => write(put, cache, memory));
  const good = await Promise.all(files.map(async (file, i) => file !== undefined && flush(file, puts[i]!)));
  const results = files.map((file, i) =>
    good[i] && file !== undefined ? publish(file, puts[i]!, folders) : undefined,
  );
  let failure: SmallPutResult | undefined;
  if (puts.some(({ durable }) => durable)) {
    const flushing = Array.from(folders, async (folder) => syncFolder(folder));
    for (const flushed of await Promise.allSettled(flushing)) {
      if (flushed.status === "rejected")
        failure ??= { is: "unsafe", error: packError(diskError(flushed.reason, "flush", "a folder")) };
    }
  }
  for (const [i, { root, key }] of puts.entries()) {
    if (results[i] === undefined) await removeEmptyFolders(root, key);
    else if (failure !== undefined && puts[i]!.durable) results[i] = failure;
  }
  return results.map((result) => result ?? { is: "pass" });
}

/** Creates the temporary file. Undefined: something was unusual, and nothing is left. */
function write(put: SmallPut, cache: FolderCache, memory: Uint8Array): Written | undefined {
  let written: Written | undefined;
  try {
    const folder = cache.folder(put.root, put.key.split("/").slice(0, -1), true);
    if (!put.replace && fs.lstatSync(folder.at(nameOf(put.key)), { throwIfNoEntry: false }) !== undefined)
      return undefined;
    const bytes = bytesOf(put, cache, memory);
    if (bytes === undefined) return undefined;
    const needsHash = put.sha256 !== undefined || typeof put.from === "number";
    const sha256 = needsHash ? hash("sha256", bytes) : undefined;
    if (put.sha256 !== undefined && sha256 !== put.sha256) return undefined;
    const path = folder.at(temporaryName());
    const descriptor = fs.openSync(path, "wx");
    written = { folder, path, descriptor, sha256, facts: { size: 0, mtimeMs: 0, ino: 0, ctimeMs: 0 } };
    if (fs.writeSync(descriptor, bytes) !== bytes.length) throw new Error("short write");
    if (put.modified !== undefined) fs.futimesSync(descriptor, put.modified / 1000, put.modified / 1000);
    if (put.mode !== undefined) fs.fchmodSync(descriptor, put.mode);
    return written;
  } catch {
    // The slow path meets the same error and reports it.
    if (written !== undefined) discard(written);
    return undefined;
  }
}

function bytesOf({ from, size }: SmallPut, cache: FolderCache, memory: Uint8Array): Uint8Array | undefined {
  if (typeof from === "number") return memory.subarray(from, from + size);
  const bytes = buffer.subarray(0, size);
  return readWholeFile({ ...from, size }, bytes, cache) ? bytes : undefined;
}

async function flush(file: Written, { durable }: SmallPut): Promise<boolean> {
  try {
    if (durable) await flushFile(file.descriptor);
    return true;
  } catch {
    discard(file);
    return false;
  }
}

/** Gives the temporary file its final name. Undefined when the name is taken by another blob or by a folder. */
function publish(file: Written, { replace, key }: SmallPut, folders: Set<string>): SmallPutResult | undefined {
  let outcome: "created" | "replaced" = "created";
  try {
    const target = file.folder.at(nameOf(key));
    const existing = replace ? fs.lstatSync(target, { throwIfNoEntry: false }) : undefined;
    if (existing !== undefined && !existing.isFile()) throw new Error("not a regular file");
    if (existing !== undefined) outcome = "replaced";
    if (replace) fs.renameSync(file.path, target);
    else fs.linkSync(file.path, target);
  } catch {
    discard(file);
    return undefined;
  }
  // After a rename the temporary name is gone; after a link it is a second name of the blob.
  const facts = discard(file, !replace) ?? file.facts;
  folders.add(file.folder.self);
  return { is: "put", outcome, facts, sha256: file.sha256 };
}

/** Closes the file and removes its temporary name. Returns its facts, which each new or removed name changes. */
function discard({ path, descriptor }: Pick<Written, "path" | "descriptor">, named = true): FileFacts | undefined {
  let facts: FileFacts | undefined;
  try {
    if (named) fs.unlinkSync(path);
  } catch {
    // the sweep of temporary files deletes it
  }
  try {
    const { size, mtimeMs, ino, ctimeMs } = fs.fstatSync(descriptor);
    facts = { size, mtimeMs, ino, ctimeMs };
    fs.closeSync(descriptor);
  } catch {
    // the blob is stored; without facts its tag equals no other, so that it is read before it is trusted
  }
  return facts;
}
