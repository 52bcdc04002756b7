import { createHash, randomBytes } from "node:crypto";
import type { Hash } from "node:crypto";
import { FeedctlError } from "../errors.ts";
import { readBlocks } from "./azure-blocks.ts";
import type { AzureCall } from "./azure-call.ts";
import type { BlockBlobClient } from "./azure-client.ts";
import { toAzureMetadata } from "./azure-metadata.ts";
import type { PromisedOptions } from "./promised-hash.ts";
import { throwIfInterrupted } from "./signal.ts";
import type { BlobSource, PutOptions } from "./store.ts";

const MIB = 1024 * 1024;

/** Up to here one request carries the whole blob, and it is checked before anything is sent. */
const SINGLE_MAX = 8 * MIB;

/** Blocks on their way at once; memory is one block more. */
const LANES = 4;

const MAX_BLOCKS = 50_000;

export interface Upload {
  blob: BlockBlobClient;
  source: BlobSource;
  options: PromisedOptions;
  call: AzureCall;
  /** The message's first half. */
  doing: string;
}

export interface Uploaded {
  etag?: string | undefined;
}

export function isLarge(source: BlobSource): boolean {
  return source.size > SINGLE_MAX;
}

/**
 * Sends the source, verifies its size and hashes, and only then makes it visible. `md5Known` gets the content's MD5
 * as soon as the source is verified, also when the service then refuses the blob because one is there.
 */
export async function upload(work: Upload, md5Known: (md5: Buffer) => void): Promise<Uploaded> {
  return isLarge(work.source) ? uploadBlocks(work, md5Known) : uploadSingle(work, md5Known);
}

async function uploadSingle(
  { blob, source, options, call, doing }: Upload,
  md5Known: (md5: Buffer) => void,
): Promise<Uploaded> {
  const hash = createHash("md5");
  const newBlock = () => Buffer.allocUnsafe(source.size);
  const reading = {
    source,
    blockSize: source.size,
    newBlock,
    md5: hash,
    sha256: options.sha256,
    signal: options.signal,
  };
  let body: Buffer = Buffer.alloc(0);
  for await (const block of readBlocks(reading)) body = block;
  const md5 = verifiedMd5(hash, options, doing);
  md5Known(md5);
  return call(doing, options.signal, (abortSignal, progressed) =>
    blob.upload(body, body.length, {
      ...describe(options, md5),
      transactionalContentMD5: md5,
      abortSignal,
      onProgress: progressed,
    }),
  );
}

async function uploadBlocks(
  { blob, source, options, call, doing }: Upload,
  md5Known: (md5: Buffer) => void,
): Promise<Uploaded> {
  const blockSize = Math.max(SINGLE_MAX, Math.ceil(source.size / MAX_BLOCKS / MIB) * MIB);
  // Uncommitted blocks belong to the blob, not to an upload: two uploads at once must never name the same block. Ids
  // of one blob must all have one length.
  const attempt = randomBytes(14);
  const ids: string[] = [];
  const spare: Buffer[] = [];
  const underway = new Set<Promise<void>>();
  const stop = new AbortController();
  const follow = () => stop.abort();
  options.signal?.addEventListener("abort", follow, { once: true });
  if (options.signal?.aborted === true) follow();
  let failure: unknown;

  const stage = async (id: string, block: Buffer): Promise<void> => {
    try {
      const transactionalContentMD5 = createHash("md5").update(block).digest();
      await call(doing, stop.signal, (abortSignal, onProgress) =>
        blob.stageBlock(id, block, block.length, { transactionalContentMD5, abortSignal, onProgress }),
      );
      spare.push(Buffer.from(block.buffer, 0, blockSize));
    } catch (error) {
      failure ??= error;
      stop.abort();
    }
  };

  // Slow: without the shared pool, so that a block's memory is its own and can be used again.
  const newBlock = () => spare.pop() ?? Buffer.allocUnsafeSlow(blockSize);
  const hash = createHash("md5");
  const reading = { source, blockSize, newBlock, md5: hash, sha256: options.sha256, signal: stop.signal };
  try {
    for await (const block of readBlocks(reading)) {
      const id = Buffer.concat([attempt, uint32(ids.length)]).toString("base64");
      ids.push(id);
      const staging = stage(id, block).finally(() => underway.delete(staging));
      underway.add(staging);
      if (underway.size >= LANES) await Promise.race(underway);
      if (stop.signal.aborted) break;
    }
    await Promise.all(underway);
    if (failure !== undefined) throw failure as Error;
    throwIfInterrupted(options.signal);
    const md5 = verifiedMd5(hash, options, doing);
    md5Known(md5);
    return await call(doing, options.signal, (abortSignal) =>
      blob.commitBlockList(ids, { ...describe(options, md5), abortSignal }),
    );
  } catch (error) {
    // The first failure is the reason; stopping makes the others fail as interrupted.
    failure ??= error;
    stop.abort();
    await Promise.all(underway);
    throw failure as Error;
  } finally {
    options.signal?.removeEventListener("abort", follow);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function describe(options: PromisedOptions, md5: Buffer) {
  return {
    conditions: options.ifExists === "fail" ? { ifNoneMatch: "*" } : {},
    metadata: toAzureMetadata(options),
    blobHTTPHeaders: {
      blobContentMD5: md5,
      ...(options.contentType !== undefined && { blobContentType: options.contentType }),
      ...(options.cacheControl !== undefined && { blobCacheControl: options.cacheControl }),
    },
  };
}

function verifiedMd5(hash: Hash, { md5 }: PutOptions, doing: string): Buffer {
  const found = hash.digest();
  if (md5 === undefined || md5 === found.toString("hex")) return found;
  throw new FeedctlError("corrupt", `${doing}: its MD5 is ${found.toString("hex")}, not ${md5} as promised`);
}
