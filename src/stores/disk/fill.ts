import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { chmod, copyFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { diskError, errnoOf } from "./errors.ts";
import { descriptorPath } from "../../lib/files/open-folder.ts";
import { hashFile, openSourceFile } from "./read.ts";
import type { Temporary } from "./resume.ts";
import { readParts } from "../shared/read-parts.ts";
import type { BlobSource, PutOptions } from "../store.ts";
import { checkDelivery, readVerified } from "../shared/verified-source.ts";

const PART = 4 * 1024 * 1024;
const WIDTH = 4;
/** How many blobs are read in parallel ranges at once. Each needs 20 MiB; further blobs are read by one request. */
const MAX_PARALLEL_READS = 4;
let parallelReads = 0;

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
  if (source.path !== undefined && (await copyInto(handle, folder.at(name), source, options))) {
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
    for await (const chunk of chunks) {
      hash?.update(chunk);
      await handle.writeFile(chunk).catch((error: unknown) => {
        throw diskError(error, "write", target);
      });
    }
    if (hash !== undefined) {
      sha256 = hash.digest("hex");
      checkDelivery(source.size, options.sha256, source.size, sha256);
    }
  }
  if (options.modified !== undefined) await handle.utimes(options.modified, options.modified);
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
 * Copies inside the kernel, then hashes the copy: about three times faster than copying through this process. Without a
 * `sha256` in the options only the size is checked. Returns false, and copies nothing, where the file system lets nobody set
 * the source's mode (FAT, some SMB and FUSE mounts): copyFile does, and deletes its copy when it cannot.
 */
async function copyInto(handle: FileHandle, path: string, source: BlobSource, options: PutOptions): Promise<boolean> {
  const { size, path: from = "" } = source;
  const { mode } = await handle.stat();
  {
    await using opened = await openSourceFile(source, from);
    if (!(await canSetMode(handle, (await opened.stat()).mode))) return false;
    try {
      await copyFile(descriptorPath(opened.fd, from), path, constants.COPYFILE_FICLONE);
    } catch (error) {
      throw copyError(error, from, path);
    }
  }
  // copyFile copies the source's mode; a blob must have the default mode of a new file.
  await chmod(path, mode & 0o7777);
  if (options.sha256 === undefined) checkDelivery(size, undefined, (await handle.stat()).size, undefined);
  else {
    const copied = await hashFile(handle, options.signal);
    checkDelivery(size, options.sha256, copied.size, copied.sha256);
  }
  return true;
}

async function canSetMode(handle: FileHandle, mode: number): Promise<boolean> {
  return handle.chmod(mode & 0o7777).then(
    () => true,
    (error: unknown) => !["EPERM", "ENOTSUP", "ENOSYS"].includes(errnoOf(error) ?? ""),
  );
}

/** Node does not say whether reading or writing failed. These codes can only come from writing. */
function copyError(error: unknown, from: string, to: string): unknown {
  const writing = ["ENOSPC", "EDQUOT", "EROFS", "EFBIG"].includes(errnoOf(error) ?? "");
  return writing ? diskError(error, "write", to) : diskError(error, "read", from);
}
