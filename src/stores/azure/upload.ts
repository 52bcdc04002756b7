import { createHash, randomBytes } from "node:crypto";
import type { Hash } from "node:crypto";
import { FeedctlError } from "../../errors.ts";
import { blockId, LANES, MAX_BLOCKS, stageBlocks, stagedBlocks } from "./blocks.ts";
import type { AzureCall } from "./call.ts";
import type { BlockBlobClient } from "./client.ts";
import { toAzureMetadata } from "./metadata.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import { readParts } from "../shared/read-parts.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobSource, PutOptions } from "../store.ts";

const MIB = 1024 * 1024;

/** Up to here one request carries the whole blob, and it is checked before anything is sent. */
const SINGLE_MAX = 8 * MIB;

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

/** Memory: as many blocks as are read ahead, as are on their way, and one. */
async function uploadBlocks(
  { blob, source, options, call, doing }: Upload,
  md5Known: (md5: Buffer) => void,
): Promise<Uploaded> {
  const { notes, sha256, signal } = options;
  const partSize = Math.max(SINGLE_MAX, Math.ceil(source.size / MAX_BLOCKS / MIB) * MIB);
  // Uncommitted blocks belong to the blob, not to an upload: two uploads at once may name the same block only when it
  // holds the same bytes. Where nothing is to be taken up again nobody needs to know its name.
  const attempt = notes === undefined ? randomBytes(32) : undefined;
  const staged = notes === undefined ? undefined : await stagedBlocks(blob, call, doing, signal);
  const ids: string[] = [];
  const spare: Buffer[] = [];
  const md5 = createHash("md5");

  async function* blocks(stop: AbortSignal): AsyncGenerator<Block> {
    // Slow: without the shared pool, so that a block's memory is its own and can be used again.
    const newBuffer = () => spare.pop() ?? Buffer.allocUnsafeSlow(partSize);
    for await (const bytes of readParts({ source, sha256, partSize, width: LANES, newBuffer, md5, signal: stop })) {
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

/** How a blob is stored: what every request takes that makes one visible. */
export function describeUpload(options: PutOptions, md5: Buffer | undefined) {
  return {
    conditions: options.ifExists === "fail" ? { ifNoneMatch: "*" } : {},
    metadata: toAzureMetadata(options),
    blobHTTPHeaders: {
      ...(md5 !== undefined && { blobContentMD5: md5 }),
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
