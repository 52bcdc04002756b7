import { randomBytes } from "node:crypto";
import { FeedctlError } from "../../errors.ts";
import { blockId, MAX_BLOCKS, stageBlocks } from "./blocks.ts";
import type { AzureCall } from "./call.ts";
import type { AzureConnection, BlockBlobClient } from "./client.ts";
import { isAzure, type AzureSources } from "./sources.ts";
import { interrupted } from "../shared/signal.ts";
import type { RemoteBlob } from "../store.ts";

const MIB = 1024 * 1024;
const BLOCK = 100 * MIB;

/** Azure is silent while it copies a block. */
const SILENCE_MS = 600_000;

export interface RemoteStaging {
  blob: BlockBlobClient;
  from: RemoteBlob;
  /** The ETag that the source must have, in quotes. */
  ifMatch: string;
  sources: AzureSources;
  connection: AzureConnection;
  call: AzureCall;
  /** Begins the message of an error. */
  doing: string;
  signal: AbortSignal | undefined;
}

/**
 * Lets Azure fetch a blob block by block; returns the ids to commit. Creates a URL for every block, because a URL
 * expires with the session that signed it. Undefined: there is no URL, or the source version cannot be verified.
 */
export async function stageFromUrl(staging: RemoteStaging): Promise<string[] | undefined> {
  const { blob, from, ifMatch, sources, connection, call, doing, signal } = staging;
  const { size } = from.blob;
  const blockSize = Math.max(BLOCK, Math.ceil(size / MAX_BLOCKS / MIB) * MIB);
  const attempt = randomBytes(32);
  const ids = Array.from({ length: Math.ceil(size / blockSize) }, (_, i) => blockId(i, attempt));
  // The SDK's public method drops the conditions on the source.
  const { blockBlob } = connection.bare(blob.url);
  let missing = false;
  const stage = async (index: number, stop: AbortSignal): Promise<void> => {
    const url = missing ? undefined : await sources.urlOf(from);
    if (url === undefined) {
      missing = true;
      return;
    }
    const start = index * blockSize;
    const sourceRange = `bytes=${start}-${Math.min(start + blockSize, size) - 1}`;
    const sourceModifiedAccessConditions = { sourceIfMatch: ifMatch };
    await call(
      doing,
      stop,
      (abortSignal) =>
        blockBlob.stageBlockFromURL(ids[index]!, 0, url, { sourceRange, sourceModifiedAccessConditions, abortSignal }),
      SILENCE_MS,
    );
  };
  await stageBlocks({ blocks: () => ids.keys(), stage, keeps: false, signal });
  if (missing || (!isAzure(from) && !(await isStill(staging)))) return undefined;
  return ids;
}

/** Requests the source with `If-Match`. False: it does not confirm the version. Throws `corrupt` if it has changed. */
async function isStill({ from, ifMatch, sources, doing, signal }: RemoteStaging): Promise<boolean> {
  const url = await sources.urlOf(from);
  if (url === undefined) return false;
  const headers = { "if-match": ifMatch, range: "bytes=0-0" };
  // The error may contain the signed URL, so it is dropped.
  const answer = await fetch(url, { headers, signal: signal ?? null }).catch(() => undefined);
  if (signal?.aborted === true) throw interrupted(signal.reason);
  await answer?.body?.cancel();
  if (answer?.status === 412) {
    throw new FeedctlError("corrupt", `${doing}: its source is no longer the version that was listed`);
  }
  return answer?.status === 206 && answer.headers.get("etag") === ifMatch;
}
