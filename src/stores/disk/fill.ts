import { createHash } from "node:crypto";
import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { chmod, copyFile, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { diskError, errnoOf } from "./errors.ts";
import { descriptorPath, type Folder } from "../../lib/files/open-folder.ts";
import { createHoleWriter, isSparse } from "./holes.ts";
import { temporaryName } from "./names.ts";
import { hashFile, openSourceFile } from "./read.ts";
import type { Temporary } from "./resume.ts";
import { readParts } from "../shared/read-parts.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobSource, PutOptions } from "../store.ts";
import { checkDelivery, readVerified } from "../shared/verified-source.ts";

const PART = 4 * 1024 * 1024;
const WIDTH = 4;
/** How many blobs are read in parallel ranges at once. Each needs 20 MiB; further blobs are read by one request. */
const MAX_PARALLEL_READS = 4;
let parallelReads = 0;
/** What a file system says where nobody may set modes. */
const NO_MODES = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * Writes the source into a temporary file, or what the file lacks of it, and verifies size and hash. Throws `corrupt`.
 */
export async function fill(
  { folder, name, handle, size, hash }: Temporary,
  target: string,
  source: BlobSource,
  options: PutOptions,
): Promise<{ stats: Stats; sha256: string | undefined }> {
  let { sha256 } = options;
  if (source.path !== undefined) {
    await copyInto(handle, folder, name, source, options);
    await source.check?.();
  } else {
    const rest = size === 0 ? source : behind(source, size);
    // The interrupted put may have written every byte.
    const isComplete = size > 0 && rest.size === 0;
    if (isComplete) await source.check?.();
    const verified = (found: string) => (sha256 = found);
    const chunks = isComplete
      ? []
      : readAll(rest, hash === undefined ? options : { ...options, sha256: undefined }, verified);
    const writer = createHoleWriter(handle, size);
    const failed = (error: unknown) => {
      throw diskError(error, "write", target);
    };
    for await (const chunk of chunks) {
      hash?.update(chunk);
      await writer.write(chunk).catch(failed);
    }
    await writer.end().catch(failed);
    if (hash !== undefined) {
      sha256 = hash.digest("hex");
      checkDelivery(source.size, options.sha256, source.size, sha256);
    }
  }
  if (options.modified !== undefined) await handle.utimes(options.modified, options.modified);
  if (options.mode !== undefined) await handle.chmod(options.mode);
  if (options.durable ?? true) await handle.datasync();
  return { stats: await handle.stat(), sha256 };
}

/** The bytes of a source from `start`. */
function behind(source: BlobSource, start: number): BlobSource {
  return {
    size: source.size - start,
    parallel: source.parallel,
    open: (range, signal) => {
      const end = range?.end === undefined ? source.size : start + range.end;
      return source.open({ start: start + (range?.start ?? 0), end }, signal);
    },
    check: async () => source.check?.(),
  };
}

async function* readAll(
  source: BlobSource,
  { sha256, signal }: Pick<PutOptions, "sha256" | "signal">,
  verified: (sha256: string) => void,
): AsyncGenerator<Buffer, void, undefined> {
  if (source.parallel !== true || source.size <= PART || parallelReads >= MAX_PARALLEL_READS) {
    return yield* readVerified(source, sha256, signal, verified);
  }
  const buffers: Buffer[] = [];
  let made = 0;
  // Round robin: when a buffer is requested, the oldest one has been written.
  const newBuffer = () => (buffers[made++ % (WIDTH + 1)] ??= Buffer.allocUnsafeSlow(PART));
  parallelReads++;
  try {
    yield* readParts({ source, sha256, partSize: PART, width: WIDTH, newBuffer, verified, signal });
  } finally {
    parallelReads--;
  }
}

/**
 * Copies inside the kernel, then hashes the copy: about three times faster than copying through this process. The kernel
 * writes out the holes of a sparse file where it cannot share its blocks, so such a file is copied here. Without a `sha256`
 * in the options only the size is checked.
 */
async function copyInto(handle: FileHandle, folder: Folder, name: string, source: BlobSource, options: PutOptions) {
  const { size, path: from = "" } = source;
  const { mode, uid, gid } = await handle.stat();
  const path = folder.at(name);
  {
    await using opened = await openSourceFile(source, from);
    const stats = await opened.stat();
    // copyFile gives root's copy to the owner of the source, who could open it for writing before it is taken back
    const isGiven = uid === 0 && stats.uid !== uid;
    const isOwnCopy = isGiven || !(await canSetMode(handle, stats.mode));
    if (isOwnCopy || (isSparse(stats) && !(await sharesBlocks(descriptorPath(opened.fd, from), folder))))
      return await copyWithHoles(opened, handle, { from, path }, { size, options });
    try {
      await copyFile(descriptorPath(opened.fd, from), path, constants.COPYFILE_FICLONE);
    } catch (error) {
      throw copyError(error, from, path);
    }
  }
  // copyFile copies the source's group and mode; a blob must have those of a new file
  // (only root may give back the group of a folder whose group the user is not in)
  if ((await handle.stat()).gid !== gid) await handle.chown(uid, gid).catch(() => {});
  await chmod(path, mode & 0o7777).catch((error: unknown) => {
    // a file system without modes has nothing to restore
    if (!NO_MODES.has(errnoOf(error) ?? "")) throw diskError(error, "write", path);
  });
  if (options.sha256 === undefined) return checkDelivery(size, undefined, (await handle.stat()).size, undefined);
  const copied = await hashFile(handle, options.signal);
  checkDelivery(size, options.sha256, copied.size, copied.sha256);
}

/** copyFile sets the source's mode, and deletes its copy where nobody may set modes, as on some SMB and FUSE mounts. */
async function canSetMode(handle: FileHandle, mode: number): Promise<boolean> {
  return handle.chmod(mode & 0o7777).then(
    () => true,
    (error: unknown) => !NO_MODES.has(errnoOf(error) ?? ""),
  );
}

/** Whether the file system can share the blocks of the file with a copy. Makes such a copy to find out, and deletes it. */
async function sharesBlocks(from: string, folder: Folder): Promise<boolean> {
  const trial = folder.at(temporaryName());
  try {
    await copyFile(from, trial, constants.COPYFILE_FICLONE_FORCE);
    await unlink(trial);
    return true;
  } catch {
    return false;
  }
}

async function copyWithHoles(
  source: FileHandle,
  target: FileHandle,
  { from, path }: { from: string; path: string },
  { size, options }: { size: number; options: PutOptions },
): Promise<void> {
  const failed = (error: unknown) => {
    throw diskError(error, "write", path);
  };
  await target.truncate(0).catch(failed);
  const hash = options.sha256 === undefined ? undefined : createHash("sha256");
  const writer = createHoleWriter(target, 0);
  const buffer = Buffer.allocUnsafe(PART);
  let position = 0;
  for (;;) {
    throwIfInterrupted(options.signal);
    const { bytesRead } = await source.read(buffer, 0, PART, position).catch((error: unknown) => {
      throw diskError(error, "read", from);
    });
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    hash?.update(chunk);
    await writer.write(chunk).catch(failed);
    position += bytesRead;
  }
  await writer.end().catch(failed);
  checkDelivery(size, options.sha256, position, hash?.digest("hex"));
}

/** Node does not say whether reading or writing failed. These codes can only come from writing. */
function copyError(error: unknown, from: string, to: string): unknown {
  const writing = ["ENOSPC", "EDQUOT", "EROFS", "EFBIG"].includes(errnoOf(error) ?? "");
  return writing ? diskError(error, "write", to) : diskError(error, "read", from);
}
