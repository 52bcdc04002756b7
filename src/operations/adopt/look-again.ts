import { listPendingKeys } from "../../catalog/pending.ts";
import { FeedctlError, isUnreadableBlob } from "../../errors.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import { sameBlob } from "../../stores/same-tag.ts";
import type { BlobInfo } from "../../stores/store.ts";
import type { FeedWriter, Target } from "../commit/feed-writer.ts";
import type { Context } from "../context.ts";
import type { AdoptStatus } from "./outcome.ts";

/** The current state of a blob that was read, or why it must not be recorded. */
export type RecheckedBlob<T> = { each: T; now: BlobInfo } | { each: T; status: AdoptStatus; reason: string };

/**
 * Checks blobs again right before they are recorded. Refuses one that has changed since it was read, that has a pending
 * delete, or that an interrupted run left.
 */
export async function lookAgain<T extends { blob: BlobInfo }>(
  context: Context,
  { store, storeId }: Target,
  read: readonly T[],
): Promise<RecheckedBlob<T>[]> {
  if (read.length === 0) return [];
  const { db } = await context.catalog();
  const unsettled = new Set(await listPendingKeys(db, storeId));
  const looks = mapParallel(read, context.concurrency, async (each): Promise<RecheckedBlob<T>> => {
    const { key, tag, size } = each.blob;
    if (unsettled.has(key))
      return { each, status: "skipped", reason: "an interrupted run left it; see: feedctl verify --repair" };
    const now = await store.head(key, { signal: context.signal }).catch((error: unknown) => {
      if (!isUnreadableBlob(error)) throw error;
      return error;
    });
    if (now instanceof FeedctlError) return { each, status: "failed", reason: now.message };
    if (now === undefined) return { each, status: "failed", reason: "it was deleted while it was read" };
    if (!sameBlob(now.tag, tag) || now.size !== size)
      return { each, status: "failed", reason: "it changed while it was read" };
    return { each, now };
  });
  return Array.fromAsync(looks);
}

/** Runs `work` while the feed is locked. Throws `conflict` when its store is no longer the one that was read. */
export async function writeInto<T>(
  writer: FeedWriter,
  storeId: number,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  return writer.write(async (target) => {
    if (target.storeId === storeId) return work(target);
    throw new FeedctlError("conflict", `the store of feed "${target.feed.name}" was changed meanwhile`, {
      hint: "run the command again",
    });
  });
}
