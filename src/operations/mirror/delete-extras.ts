import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { inBatches } from "../../lib/concurrency/parallel.ts";
import type { Spool } from "../../lib/lists/spool.ts";
import type { Key } from "../../lib/key.ts";
import { parseBlobName } from "../../stores/key.ts";
import type { BlobInfo, DeleteFailure, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { copyBlob } from "../transfer/copy-blob.ts";
import { deleteBlobs } from "../transfer/delete-blobs.ts";
import { createTransfer } from "../transfer/transfer-pool.ts";
import type { Tally } from "./tally.ts";
import type { Trash } from "./trash.ts";
import { refuseDeletes, type DeletePlan, type Limit } from "./decide.ts";

/** A blob that is only in the target, in the form that is spooled. */
export interface Extra {
  key: string;
  size: number;
  /** Milliseconds since 1970. */
  modified: number;
}

export interface ExtrasInput {
  target: Store;
  extras: Spool<Extra>;
  counts: Omit<DeletePlan, "extras">;
  limit: Limit | undefined;
  dryRun: boolean;
  trash: Trash | undefined;
  /** The target's name, for messages. */
  place: string;
  /** Called before the first delete; throws to refuse. */
  approve(deletes: number, from: string): Promise<void>;
}

const DELETE_BATCH = 1000;
/** A killed run leaves at most as many copies in the trash whose blobs it has not deleted. */
const TRASH_BATCH = 100;

/**
 * Deletes the blobs that are only in the target. Throws `refused` before the first delete when a guard forbids the
 * whole.
 */
export async function* deleteExtras(context: Context, input: ExtrasInput, tally: Tally): AsyncGenerator<void> {
  const { target, extras, counts, dryRun, trash, place } = input;
  const reason = refuseDeletes({ extras: extras.count, ...counts }, input.limit);
  if (reason !== undefined) {
    const hint =
      counts.sources === 0
        ? "check the source; to empty the target, delete its files yourself"
        : "look at the plan with --dry-run; to allow it: --max-delete N or N%";
    throw new FeedctlError("refused", `nothing was deleted from ${place}: ${reason}`, { hint });
  }
  if (!dryRun) await input.approve(extras.count, place);
  for await (const batch of inBatches(extras.read(), trash === undefined ? DELETE_BATCH : TRASH_BATCH)) {
    context.signal.throwIfAborted();
    const blobs = batch.map(({ key, size, modified }) => ({
      key: parseBlobName(key),
      size,
      modified: new Date(modified),
    }));
    if (dryRun) for (const blob of blobs) tally.deleted(blob);
    else if (trash === undefined) await deleteBatch(context, target, blobs, tally);
    else await trashBatch(context, { target, trash, blobs }, tally);
    yield;
  }
}

/**
 * Copies blobs to the trash and deletes those that were copied. A blob that cannot be copied stays, and is reported. When
 * the store fails, what was copied before is deleted first: the next run would copy it once more.
 */
async function trashBatch(
  context: Context,
  { target, trash, blobs }: { target: Store; trash: Trash; blobs: readonly BlobInfo[] },
  tally: Tally,
): Promise<void> {
  const { concurrency, signal } = context;
  const kept = new Set<Key>();
  let outage: { error: unknown } | undefined;
  {
    await using transfer = createTransfer<BlobInfo>({
      concurrency,
      signal,
      failed: (blob, error) => tally.undeleted(blob, `it could not be kept in the trash: ${error.message}`),
    });
    const keep = async (blob: BlobInfo) => {
      await copyToTrash(context, target, blob, trash);
      kept.add(blob.key);
    };
    try {
      for (const blob of blobs) await transfer.add(blob, () => keep(blob));
      await transfer.idle();
    } catch (error) {
      outage = { error };
    }
  }
  const copied = blobs.filter(({ key }) => kept.has(key));
  await deleteBatch(context, target, copied, tally).catch((error: unknown) => void (outage ??= { error }));
  if (outage !== undefined) throw outage.error;
}

/** Copies a blob of the target to the trash, unless it does not exist any more. */
export async function copyToTrash(context: Context, target: Store, blob: BlobInfo, trash: Trash): Promise<void> {
  try {
    await copyBlob(context, { source: target, target, blob, as: trash.keyOf(blob.key), ifExists: "replace" });
  } catch (error) {
    if (!isFeedctlError(error, "not-found")) throw error;
  }
}

/**
 * Deletes blobs and counts each. When the store fails, those that were deleted before are counted, and the error is
 * thrown.
 */
async function deleteBatch(
  context: Context,
  target: Store,
  blobs: readonly { key: Key; size: number }[],
  tally: Tally,
): Promise<void> {
  const keys = blobs.map(({ key }) => key);
  let failures: DeleteFailure[];
  try {
    failures = await deleteBlobs(target, keys, context.signal);
  } catch (error) {
    for (const blob of blobs) {
      const gone = await target.head(blob.key).then(
        (found) => found === undefined,
        () => false,
      );
      if (gone) tally.deleted(blob);
    }
    throw error;
  }
  const reasons = new Map(failures.map(({ key, error }) => [key, error.message]));
  for (const blob of blobs) {
    const reason = reasons.get(blob.key);
    if (reason === undefined) tally.deleted(blob);
    else tally.undeleted(blob, reason);
  }
}
