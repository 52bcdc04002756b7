import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FeedctlError } from "../../errors.ts";
import { hashStream } from "../../lib/hash.ts";
import { renameWithoutOverwrite } from "../../lib/rename-without-overwrite.ts";
import { lockOwnerName, tryProcessLock } from "../../lib/process-lock.ts";
import { diskError } from "../../stores/disk/index.ts";
import type { ByteRange } from "../../stores/store.ts";
import type { Context } from "../context.ts";

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

/**
 * Saves a file complete and verified, or not at all. A broken download of a large file leaves a part file beside the
 * target, which the next download resumes. The hash of the whole file is checked at the end; if it is wrong after a
 * resume, the download starts anew once. Returns `unchanged` when `acceptSame` applies.
 */
export async function saveDownload(context: Context, input: SaveInput): Promise<"saved" | "unchanged"> {
  const { file, target, overwrite } = input;
  try {
    await mkdir(dirname(target), { recursive: true });
    const existing = await stat(target).catch(() => undefined);
    const mayBeSame = input.acceptSame && existing?.isFile() === true && existing.size === file.size;
    if (mayBeSame && (await hashOf(target)) === file.sha256) return "unchanged";
    if (existing !== undefined && (!overwrite || !existing.isFile())) throw alreadyExists(target);
    if (file.size < RESUMED_FROM) await saveOnce(context, input, `${partName(target, file)}.${context.pid}`, false);
    else await saveLarge(context, input);
    return "saved";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw alreadyExists(target);
    throw diskError(error, "write", target);
  }
}

async function saveLarge(context: Context, input: SaveInput): Promise<void> {
  const part = partName(input.target, input.file);
  const lock = await tryProcessLock(`${part}.lock`);
  if (!("release" in lock))
    throw new FeedctlError("locked", `${lockOwnerName(lock)} is downloading ${input.target} right now`);
  try {
    const resumed = ((await stat(part).catch(() => undefined))?.size ?? 0) > 0;
    await saveOnce(context, input, part, true).catch(async (error: unknown) => {
      // the part file held other bytes and was deleted: start anew
      if (!resumed || !(error instanceof FeedctlError) || error.code !== "corrupt") throw error;
      await saveOnce(context, input, part, true);
    });
  } finally {
    await lock.release();
  }
}

/**
 * Downloads to the part file, checks its hash and renames it. With `keep` an incomplete part file is resumed and kept.
 */
async function saveOnce(context: Context, input: SaveInput, part: string, keep: boolean): Promise<void> {
  const { file, target, overwrite, onProgress } = input;
  const hash = createHash("sha256");
  let start = keep ? await hashPart(part, file.size, hash) : 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      start += chunk.length;
      onProgress?.(start);
      done(null, chunk);
    },
  });
  let good = false;
  let complete = false;
  try {
    if (start < file.size || file.size === 0) {
      const body = await input.open(start === 0 ? undefined : { start });
      const flags = start === 0 ? "w" : "a";
      await pipeline(body, check, createWriteStream(part, { flags }), { signal: context.signal });
    }
    complete = true;
    good = start === file.size && hash.digest("hex") === file.sha256;
    if (!good)
      throw new FeedctlError("corrupt", `${file.key} is damaged in the store, or changed while it was read`, {
        hint: "try again; see: feedctl verify --read",
      });
    if (file.modifiedAt !== undefined) await utimes(part, file.modifiedAt, file.modifiedAt);
    if (overwrite) await rename(part, target);
    else await renameWithoutOverwrite(part, target);
  } finally {
    if (!keep || complete) await rm(part, { force: true });
  }
}

/** Adds the part file's bytes to the hash. Returns their number; 0 when the download must start anew. */
async function hashPart(part: string, size: number, hash: Hash): Promise<number> {
  const length = (await stat(part).catch(() => undefined))?.size ?? 0;
  if (length === 0 || length > size) return 0;
  for await (const chunk of createReadStream(part, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return length;
}

function partName(target: string, { key, sha256 }: DownloadedFile): string {
  const name = createHash("sha256")
    .update(`${key}\0${basename(target)}`)
    .digest("hex")
    .slice(0, 12);
  return join(dirname(target), `.feedctl-${name}-${sha256.slice(0, 16)}.part`);
}

async function hashOf(path: string): Promise<string> {
  return (await hashStream(createReadStream(path, { highWaterMark: 1024 * 1024 }))).sha256;
}

function alreadyExists(target: string): FeedctlError {
  return new FeedctlError("conflict", `${target} exists already`, {
    hint: "choose another --output, or --overwrite",
  });
}
