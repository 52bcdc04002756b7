import { createHash, type Hash } from "node:crypto";
import type { Stats } from "node:fs";
import { lstat, rename, stat, type FileHandle } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { isDiskFull } from "../../lib/files/disk-full.ts";
import { hashStream } from "../../lib/bytes/hash.ts";
import { readHandle } from "../../lib/files/read-handle.ts";
import { renameWithoutOverwrite } from "../../lib/files/rename-without-overwrite.ts";
import { makeFolders } from "../../lib/files/make-folders.ts";
import { openFolderBelow, type Folder } from "../../lib/files/open-folder.ts";
import { openRegularFile } from "../../lib/files/open-regular-file.ts";
import { diskError } from "../../stores/disk/index.ts";
import type { ByteRange } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { createPart, lockDownload, resumePart, type Part } from "./part-file.ts";

export interface DownloadedFile {
  key: string;
  size: number;
  sha256: string;
  /** The modification time to set. Default: now. */
  modifiedAt?: Date | undefined;
}

export interface SaveInput {
  file: DownloadedFile;
  /** Opens the file's bytes in the store. */
  open(range: ByteRange | undefined): Promise<Readable>;
  /** Path to save to, name included. */
  target: string;
  /** The folder above it that the user has named. Links below it are not followed, and missing folders are made. */
  root: string;
  /** Whether an existing file is replaced. Without it an existing file rejects with `conflict`. */
  overwrite: boolean;
  /** Whether an existing file with the same bytes is left and `unchanged` returned. */
  acceptSame: boolean;
  onProgress?: ((bytes: number) => void) | undefined;
}

/** From this size on a broken download is resumed. Smaller files start anew. */
const RESUMED_FROM = 8 * 1024 * 1024;

/**
 * Resolves `--output` to the path to save to: `name` in the current folder, `name` in `output` when that is a folder or
 * ends with a slash, else `output`. Throws `not-found` when the folder of `output` does not exist.
 */
export async function downloadTarget(cwd: string, output: string | undefined, name: string): Promise<string> {
  const path = resolve(cwd, output ?? ".");
  const isFolder = output === undefined || /[/\\]$/.test(output);
  if (isFolder || (await stat(path).catch(() => undefined))?.isDirectory()) return join(path, name);
  const parent = await stat(dirname(path)).catch(() => undefined);
  if (parent?.isDirectory() !== true)
    throw new FeedctlError("not-found", `could not save ${basename(path)}: ${dirname(path)} is not a directory`);
  return path;
}

/** Where a file is saved. */
interface Target {
  folder: Folder;
  name: string;
}

/**
 * Saves a file complete and verified, or not at all. A broken download of a large file leaves a part file beside the
 * target, which the next download resumes. The hash of the whole file is checked at the end; if it is wrong after a
 * resume, the download starts anew once. Returns `unchanged` when `acceptSame` applies.
 */
export async function saveDownload(context: Context, input: SaveInput): Promise<"saved" | "unchanged"> {
  const { file, target, root, overwrite } = input;
  try {
    await makeFolders(root);
    const inner = relative(root, dirname(target));
    using folder = await openFolderBelow(root, inner === "" ? [] : inner.split(sep), { create: true });
    const place: Target = { folder, name: basename(target) };
    const existing = await statTarget(place);
    const mayBeSame = input.acceptSame && existing?.isFile() === true && existing.size === file.size;
    if (mayBeSame && (await hashOf(place)) === file.sha256) return "unchanged";
    if (existing !== undefined && (!overwrite || !existing.isFile())) throw alreadyExists(target);
    if (file.size < RESUMED_FROM) await saveSmall(context, input, place);
    else await saveLocked(context, input, place);
    return "saved";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw alreadyExists(target);
    throw diskError(error, "write", target);
  }
}

/** Undefined: nothing has that name. A link counts as something that is not a file. */
async function statTarget({ folder, name }: Target): Promise<Stats | undefined> {
  return lstat(folder.at(name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

async function saveSmall(context: Context, input: SaveInput, place: Target): Promise<void> {
  await using part = await createPart(context, input.file, place);
  await fillPart(context, input, part);
  await publish(input, place, part);
}

async function saveLocked(context: Context, input: SaveInput, place: Target): Promise<void> {
  await using lock = await lockDownload(context, input.target);
  if (lock === undefined) await saveSmall(context, input, place);
  else await saveLarge(context, input, place);
}

/** Resumes what an earlier download has left. A part file that was interrupted stays. */
async function saveLarge(context: Context, input: SaveInput, place: Target): Promise<void> {
  const left = await resumePart(input.file, place);
  if (left !== undefined) {
    await using part = left;
    try {
      await fillPart(context, input, part);
      return await publish(input, place, part);
    } catch (error) {
      // the part file held other bytes: it is deleted, and the download starts anew
      if (!isFeedctlError(error, "corrupt")) throw error;
    }
  }
  await using part = await createPart(context, input.file, place, true);
  await fillPart(context, input, part);
  await publish(input, place, part);
}

/** Downloads what the part file lacks and checks the hash of the whole. */
async function fillPart(context: Context, { file, open, onProgress }: SaveInput, part: Part): Promise<void> {
  const hash = createHash("sha256");
  let start = part.size === 0 ? 0 : await hashInto(hash, part.handle);
  const write = async (body: AsyncIterable<Buffer>) => {
    for await (const chunk of body) {
      hash.update(chunk);
      await writeAll(part.handle, chunk, start);
      start += chunk.length;
      onProgress?.(start);
    }
  };
  if (start < file.size || file.size === 0) {
    const body = await open(start === 0 ? undefined : { start });
    // not a stream of the handle: one that does not close it keeps it from being closed
    await pipeline(body, write, { signal: context.signal }).catch((error: unknown) => {
      // a part that was kept for another try would keep the disk full
      if (isDiskFull(error)) part.keep = false;
      throw error;
    });
  }
  part.keep = false;
  if (start !== file.size || hash.digest("hex") !== file.sha256)
    throw new FeedctlError("corrupt", `${file.key} is damaged in the store, or changed while it was read`, {
      hint: "try again; see: feedctl verify --read",
    });
  if (file.modifiedAt !== undefined) await part.handle.utimes(file.modifiedAt, file.modifiedAt);
}

async function writeAll(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let written = 0; written < chunk.length;)
    written += (await handle.write(chunk, written, chunk.length - written, position + written)).bytesWritten;
}

async function publish({ overwrite }: SaveInput, { folder, name }: Target, part: Part): Promise<void> {
  // network file systems report what they could not write when a file is closed
  await part.handle.close();
  if (overwrite) await rename(folder.at(part.name), folder.at(name));
  else await renameWithoutOverwrite(folder.at(part.name), folder.at(name));
}

async function hashInto(hash: Hash, handle: FileHandle): Promise<number> {
  let length = 0;
  for await (const chunk of readHandle(handle)) {
    hash.update(chunk);
    length += chunk.length;
  }
  return length;
}

async function hashOf({ folder, name }: Target): Promise<string | undefined> {
  const opened = await openRegularFile(folder.at(name));
  if (opened === undefined) return undefined;
  await using handle = opened.handle;
  return (await hashStream(readHandle(handle))).sha256;
}

function alreadyExists(target: string): FeedctlError {
  return new FeedctlError("conflict", `${target} exists already`, {
    hint: "choose another --output, or --overwrite",
  });
}
