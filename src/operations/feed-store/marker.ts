import type { Readable } from "node:stream";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { hashBytes } from "../../lib/hash.ts";
import { MARKER_KEY } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { memorySource } from "../local-files/memory-source.ts";

/** Whose store a place is. The ids never change, unlike names. */
export interface Marker {
  installation: string;
  feed: number;
  store: number;
  /**
   * When the store was configured, ISO 8601. Tells it from a later one of the same id: a catalog that was restored from an
   * older backup gives an id again. Undefined in a marker of an earlier version of feedctl.
   */
  since?: string | undefined;
}

/** Bytes that are read of a marker. One of ours has a hundred and fifty. */
const LONGEST = 1024;
/** How often a marker is read that appears and vanishes meanwhile. */
const TRIES = 3;

/**
 * The marker at the root of a store; undefined when there is none. `"other"`: a file of that name is there that feedctl
 * did not write. Rejects with `not-found` for a missing bucket.
 */
export async function readMarker(store: Store, signal: AbortSignal): Promise<Marker | "other" | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return parseMarker(await beginningOf(await store.get(MARKER_KEY, { signal })));
    } catch (error) {
      if (!isFeedctlError(error, "not-found")) throw error;
      // distinguishes a missing marker from a missing bucket, which rejects here as well
      if ((await store.head(MARKER_KEY, { signal })) === undefined) return undefined;
      // another process has written it meanwhile
      if (tries === TRIES)
        throw new FeedctlError("unavailable", `the marker of ${store.name} changes while it is read`, { cause: error });
    }
  }
}

/** Whoever may write to the store may have put a file of any size there. */
async function beginningOf(blob: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of blob as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= LONGEST) break;
  }
  return Buffer.concat(chunks).subarray(0, LONGEST).toString();
}

function parseMarker(text: string): Marker | "other" {
  try {
    const { installation, feed, store, since } = JSON.parse(text) as Record<keyof Marker, unknown>;
    if (typeof installation === "string" && typeof feed === "number" && typeof store === "number")
      return { installation, feed, store, ...(typeof since === "string" && { since }) };
  } catch {
    // not JSON, or no object
  }
  return "other";
}

/** Throws `conflict` when a marker with other contents is there and `replace` is not set. */
export async function writeMarker(
  store: Store,
  { installation, feed, store: id, since }: Marker,
  { replace, signal }: { replace: boolean; signal: AbortSignal },
): Promise<void> {
  const about = "the store of a feed of feedctl; do not delete this file";
  const bytes = Buffer.from(`${JSON.stringify({ about, installation, feed, store: id, since })}\n`);
  const { md5, sha256 } = hashBytes(bytes);
  const ifExists = replace ? "replace" : "fail";
  await store.put(MARKER_KEY, memorySource(bytes), { ifExists, md5, sha256, contentType: "application/json", signal });
}

/**
 * Deletes the marker of a store that has no files any more, unless another store has taken the place. A failure does no
 * harm: the store is retired.
 */
export async function deleteMarker(
  { signal }: Pick<Context, "signal">,
  store: Store,
  row: { id: number; feed_id: number },
): Promise<void> {
  try {
    const found = await readMarker(store, signal);
    if (found === undefined || found === "other" || found.feed !== row.feed_id || found.store !== row.id) return;
    await store.delete(MARKER_KEY, { signal });
  } catch (error) {
    if (!isFeedctlError(error)) throw error;
  }
}

export function isSameMarker(a: Marker, b: Marker): boolean {
  const isLater = a.since !== undefined && b.since !== undefined && a.since !== b.since;
  return a.installation === b.installation && a.feed === b.feed && a.store === b.store && !isLater;
}
