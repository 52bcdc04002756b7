import { createHash, randomBytes } from "node:crypto";
import type { Hash } from "node:crypto";
import { FeedctlError } from "../../errors.ts";
import { blockId, ID_CONTENT, CONCURRENCY, MAX_BLOCKS, stageBlocks, stagedBlocks } from "./blocks.ts";
import type { AzureCall } from "./call.ts";
import type { BlockBlobClient } from "./client.ts";
import { toAzureMetadata } from "./metadata.ts";
import { httpHeaders } from "./info.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import { readParts } from "../shared/read-parts.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobSource, PutOptions } from "../store.ts";

const MIB = 1024 * 1024;

/** Blobs up to this size are sent in one request, after they were verified. */
const SINGLE_MAX = 8 * MIB;

export interface Upload {
  blob: BlockBlobClient;
  source: BlobSource;
  options: PromisedOptions;
  call: AzureCall;
  /** Begins the message of an error. */
  doing: string;
  /** Bytes of content in the ids of blocks, beside those of another tool. Default: enough for a hash. */
  idContent?: number | undefined;
}

export interface Uploaded {
  etag?: string | undefined;
}

export function isLarge(source: BlobSource): boolean {
  return source.size > SINGLE_MAX;
}

/**
 * Sends the source, verifies its size and hashes, and only then makes it visible. Calls `md5Known` as soon as the
 * source is verified, even if Azure then refuses the blob because it already exists.
 */
export async function upload(work: Upload, md5Known: (md5: Buffer) => void): Promise<Uploaded> {
  return isLarge(work.source) ? uploadBlocks(work, md5Known) : uploadSingle(work, md5Known);
}

async function uploadSingle(
  { blob, source, options, call, doing }: Upload,
  md5Known: (md5: Buffer) => void,
): Promise<Uploaded> {
  const hash = createHash("md5");
  const reading = {
    source,
    sha256: options.sha256,
    partSize: source.size,
    width: 1,
    newBuffer: () => Buffer.allocUnsafe(source.size),
    md5: hash,
    signal: options.signal,
  };
  let body: Buffer = Buffer.alloc(0);
  for await (const part of readParts(reading)) body = part;
  const md5 = verifiedMd5(hash, options, doing);
  md5Known(md5);
  return call(doing, options.signal, (abortSignal, progressed) =>
    blob.upload(body, body.length, {
      ...describeUpload(options, md5),
      transactionalContentMD5: md5,
      abortSignal,
      onProgress: progressed,
    }),
  );
}

interface Block {
  id: string;
  bytes: Buffer;
}

/** Memory: the blocks that are read ahead, those in flight, and one more. */
async function uploadBlocks(
  { blob, source, options, call, doing, idContent }: Upload,
  md5Known: (md5: Buffer) => void,
): Promise<Uploaded> {
  const { sha256, signal } = options;
  // Shorter ids cannot hold a hash, so that nothing staged is trusted.
  const notes = idContent === undefined ? options.notes : undefined;
  const partSize = Math.max(SINGLE_MAX, Math.ceil(source.size / MAX_BLOCKS / MIB) * MIB);
  // Uncommitted blocks belong to the blob, not to an upload: concurrent uploads may only share the id of a block if it
  // has the same bytes. So ids are hashes if the upload is resumable, and random otherwise.
  const attempt = notes === undefined ? randomBytes(idContent ?? ID_CONTENT) : undefined;
  const staged = notes === undefined ? undefined : await stagedBlocks(blob, call, doing, signal);
  const ids: string[] = [];
  const spare: Buffer[] = [];
  const md5 = createHash("md5");

  async function* blocks(stop: AbortSignal): AsyncGenerator<Block> {
    // Not from Node's shared pool, so that the memory of a block can be reused.
    const newBuffer = () => spare.pop() ?? Buffer.allocUnsafeSlow(partSize);
    const reading = { source, sha256, partSize, width: CONCURRENCY, newBuffer, md5, signal: stop };
    for await (const bytes of readParts(reading)) {
      const id = blockId(ids.length, attempt ?? createHash("sha256").update(bytes).digest());
      ids.push(id);
      yield { id, bytes };
    }
  }

  const stage = async ({ id, bytes }: Block, stop: AbortSignal): Promise<void> => {
    if (staged?.get(id) !== bytes.length) {
      const transactionalContentMD5 = createHash("md5").update(bytes).digest();
      await call(doing, stop, (abortSignal, onProgress) =>
        blob.stageBlock(id, bytes, bytes.length, { transactionalContentMD5, abortSignal, onProgress }),
      );
    }
    spare.push(Buffer.from(bytes.buffer, 0, partSize));
  };

  await stageBlocks({ blocks, stage, keeps: notes !== undefined, signal });
  throwIfInterrupted(signal);
  const found = verifiedMd5(md5, options, doing);
  md5Known(found);
  return call(doing, signal, (abortSignal) =>
    blob.commitBlockList(ids, { ...describeUpload(options, found), abortSignal }),
  );
}

/** The options of every request that makes a blob visible. */
export function describeUpload(options: PutOptions, md5: Buffer | undefined) {
  return {
    conditions: options.ifExists === "fail" ? { ifNoneMatch: "*" } : {},
    metadata: toAzureMetadata(options),
    ...(options.tags !== undefined && { tags: options.tags }),
    ...(options.storageClass !== undefined && { tier: options.storageClass }),
    blobHTTPHeaders: httpHeaders(options, md5),
  };
}

function verifiedMd5(hash: Hash, { md5 }: PutOptions, doing: string): Buffer {
  const found = hash.digest();
  if (md5 === undefined || md5 === found.toString("hex")) return found;
  throw new FeedctlError("corrupt", `${doing}: its MD5 is ${found.toString("hex")}, not ${md5} as promised`);
}
