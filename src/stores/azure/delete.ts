import { isFeedctlError } from "../../errors.ts";
import type { AzureCall } from "./call.ts";
import type { BlockBlobClient, ContainerClient } from "./client.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { Key } from "../../lib/key.ts";
import type { CallOptions, DeleteFailure } from "../store.ts";

/** Azure's limit for one Blob Batch. */
const BATCH = 256;

/** How many batches are in flight at once. */
const CONCURRENCY = 4;

export interface Deletion {
  client: ContainerClient;
  call: AzureCall;
  /** The store's name, for messages. */
  name: string;
  keys: readonly Key[];
  blobOf(key: Key): BlockBlobClient;
  /** Deletes one blob, idempotently. */
  remove(key: Key, options: CallOptions): Promise<void>;
  signal: AbortSignal | undefined;
}

/**
 * Deletes by Blob Batch. Blobs that a batch did not delete are deleted one by one, which gives the reason; so are all
 * if the account does not support batches (hierarchical namespaces, some emulators), or fails at them but deletes a single
 * blob (Azurite with an account's shared access signature). Tries all and returns the blobs that were not deleted. Rejects
 * when a batch as a whole was denied or not answered.
 */
export async function deleteInBatches(deletion: Deletion): Promise<DeleteFailure[]> {
  const { keys, signal, remove } = deletion;
  const failures: DeleteFailure[] = [];
  const single = async (key: Key): Promise<void> => {
    try {
      await remove(key, { signal });
    } catch (error) {
      if (!isFeedctlError(error) || isFeedctlError(error, "interrupted")) throw error;
      failures.push({ key, error });
    }
  };
  const starts = Array.from({ length: Math.ceil(keys.length / BATCH) }, (_, i) => i * BATCH);
  await forEachParallel(starts, async (start) => {
    for (const key of await deleteBatch(deletion, keys.slice(start, start + BATCH))) await single(key);
  });
  return failures;
}

/** Returns the keys that may still exist. */
async function deleteBatch(
  { client, call, name, blobOf, remove, signal }: Deletion,
  keys: readonly Key[],
): Promise<readonly Key[]> {
  const doing = `cannot delete ${counted(keys.length, "blob")} in ${name}`;
  try {
    return await call(doing, signal, async (abortSignal) => {
      const batches = client.getBlobBatchClient();
      const batch = batches.createBatch();
      for (const key of keys) await batch.deleteBlob(blobOf(key), { deleteSnapshots: "include" });
      const { subResponses } = await batches.submitBatch(batch, { abortSignal });
      return keys.filter((_, i) => {
        const answer = subResponses[i];
        return answer?.status !== 202 && !(answer?.status === 404 && answer.errorCode === "BlobNotFound");
      });
    });
  } catch (error) {
    if (!isFeedctlError(error) || isFeedctlError(error, "interrupted", "denied", "not-found")) throw error;
    if (!isFeedctlError(error, "unavailable")) return keys;
    const [first, ...rest] = keys;
    const works = first !== undefined && (await remove(first, { signal }).then(() => true, isFailure));
    if (!works) throw error;
    return rest;
  }
}

/** False for an error of the service. Throws any other. */
function isFailure(error: unknown): false {
  if (!isFeedctlError(error) || isFeedctlError(error, "interrupted")) throw error;
  return false;
}

/** Runs `work` in several workers. A rejection ends its worker; the first one is thrown when all workers have ended. */
async function forEachParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < items.length) await work(items[next++]!);
  };
  const ended = await Promise.allSettled(Array.from({ length: CONCURRENCY }, worker));
  for (const each of ended) if (each.status === "rejected") throw each.reason;
}
