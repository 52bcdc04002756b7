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
  /** Read blobs whose hash is not known. */
  checksum: boolean;
  /** Milliseconds by which equal times may differ. */
  timeWindow: number;
}

/**
 * Completes the properties of a pair that its listings lack: times and hashes by a HEAD each. Reads and hashes blobs
 * whose hash is not known with `checksum`, or when that may save a copy: a local source, and a target whose hash is
 * known.
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
