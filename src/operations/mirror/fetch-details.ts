import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { describeBlob } from "../transfer/copy-blob.ts";
import { sameContent } from "../../stores/same-content.ts";

export interface DetailsInput {
  source: Store;
  target: Store;
  from: BlobInfo;
  to: BlobInfo;
  /** Read where no hash is known. */
  checksum: boolean;
  /** Milliseconds within which two times are equal. */
  timeWindow: number;
}

/**
 * Finds out what listings do not tell: the blobs' own times and hashes by a request each, and where one side knows its
 * hash the other's by reading, if that is cheaper than a copy (a local file) or wanted (`checksum`).
 */
export async function fetchDetails(context: Context, pair: DetailsInput): Promise<{ from: BlobInfo; to: BlobInfo }> {
  const { source, target } = pair;
  const [from, to] = await Promise.all([
    describeBlob(context, source, pair.from),
    describeBlob(context, target, pair.to),
  ]);
  if (from.size !== to.size || sameContent(from, to) !== undefined) return { from, to };
  const timesDiffer = Math.abs(from.modified.getTime() - to.modified.getTime()) > pair.timeWindow;
  const cheaper = timesDiffer && source.localPath !== undefined && to.sha256 !== undefined;
  if (!pair.checksum && !cheaper) return { from, to };
  const [fromHashed, toHashed] = await Promise.all([withHash(context, source, from), withHash(context, target, to)]);
  return { from: fromHashed, to: toHashed };
}

async function withHash(context: Context, store: Store, blob: BlobInfo): Promise<BlobInfo> {
  if (blob.sha256 !== undefined) return blob;
  return { ...blob, sha256: await sha256Of(await store.get(blob.key, { signal: context.signal })) };
}

async function sha256Of(stream: Readable): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
