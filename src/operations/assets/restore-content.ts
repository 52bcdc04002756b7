import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AssetRow } from "../../catalog/assets/assets.ts";
import { FeedctlError } from "../../errors.ts";
import { hashStream } from "../../lib/hash.ts";
import { nameNew } from "../../lib/rename-without-overwrite.ts";
import { tryProcessLock } from "../../lib/process-lock.ts";
import { diskError } from "../../stores/disk/index.ts";
import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";

export interface SaveInput {
  store: Store;
  file: Pick<AssetRow, "key" | "size" | "sha256" | "modifiedAt">;
  /** Where to, name included. */
  target: string;
  overwrite: boolean;
  onProgress?: ((bytes: number) => void) | undefined;
}

/** What is smaller is begun anew. */
const RESUMED_FROM = 8 * 1024 * 1024;

/**
 * Saves a file complete and verified, or not at all. What a broken download of a large file left beside the target is
 * gone on with, by a range, once it is proven to be the beginning of these bytes. `unchanged`: they are there.
 */
export async function saveAsset(context: Context, input: SaveInput): Promise<"saved" | "unchanged"> {
  const { file, target, overwrite } = input;
  try {
    await mkdir(dirname(target), { recursive: true });
    const there = await stat(target).catch(() => undefined);
    if (there?.isFile() === true && there.size === file.size && (await hashOf(target)) === file.sha256)
      return "unchanged";
    if (there !== undefined && (!overwrite || !there.isFile())) throw standsThere(target);
    if (file.size < RESUMED_FROM) await saveOnce(context, input, `${partName(target, file)}.${context.pid}`, false);
    else await saveLarge(context, input);
    return "saved";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw standsThere(target);
    throw diskError(error, "write", target);
  }
}

async function saveLarge(context: Context, input: SaveInput): Promise<void> {
  const part = partName(input.target, input.file);
  const lock = await tryProcessLock(`${part}.lock`);
  if (!("release" in lock))
    throw new FeedctlError("locked", `process ${lock.pid} is downloading ${input.target} right now`);
  try {
    const resumed = ((await stat(part).catch(() => undefined))?.size ?? 0) > 0;
    await saveOnce(context, input, part, true).catch(async (error: unknown) => {
      // the part was not the beginning of these bytes
      if (!resumed || !(error instanceof FeedctlError) || error.code !== "corrupt") throw error;
      await saveOnce(context, input, part, true);
    });
  } finally {
    await lock.release();
  }
}

/** With `keep` what has arrived stays when it breaks off. */
async function saveOnce(context: Context, input: SaveInput, part: string, keep: boolean): Promise<void> {
  const { store, file, target, overwrite, onProgress } = input;
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
      const range = start === 0 ? {} : { range: { start } };
      const body = await store.get(parseKey(file.key), { ...range, signal: context.signal });
      const flags = start === 0 ? "w" : "a";
      await pipeline(body, check, createWriteStream(part, { flags }), { signal: context.signal });
    }
    complete = true;
    good = start === file.size && hash.digest("hex") === file.sha256;
    if (!good)
      throw new FeedctlError("corrupt", `${file.key} is not what the catalog says, or changed while it was read`, {
        hint: "try again; see: feedctl verify --read",
      });
    await utimes(part, file.modifiedAt, file.modifiedAt);
    if (overwrite) await rename(part, target);
    else await nameNew(part, target);
  } finally {
    if (!keep || complete) await rm(part, { force: true });
  }
}

async function hashPart(part: string, size: number, hash: Hash): Promise<number> {
  const there = (await stat(part).catch(() => undefined))?.size ?? 0;
  if (there === 0 || there > size) return 0;
  for await (const chunk of createReadStream(part, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return there;
}

function partName(target: string, { key, sha256 }: Pick<AssetRow, "key" | "sha256">): string {
  const name = createHash("sha256")
    .update(`${key}\0${basename(target)}`)
    .digest("hex")
    .slice(0, 12);
  return join(dirname(target), `.feedctl-${name}-${sha256.slice(0, 16)}.part`);
}

async function hashOf(path: string): Promise<string> {
  return (await hashStream(createReadStream(path, { highWaterMark: 1024 * 1024 }))).sha256;
}

function standsThere(target: string): FeedctlError {
  return new FeedctlError("conflict", `${target} is there already`, {
    hint: "choose another --output, or --overwrite",
  });
}
