// Finds out how a container treats blobs: the settings that its data service names, and what becomes of a few small
// blobs. Versioning and lifecycle rules can be read only from Azure's management service, which has other credentials;
// whether versions are kept is known from the answer to a write.
import { isFeedctlError } from "../../errors.ts";
import { areProbesSorted, PROBE, probeKeys, storeProbes } from "../shared/probe.ts";
import type { CallOptions, ExamineOptions, KeptBlob, Store } from "../store.ts";
import type { StoreLock, StoreTraits } from "../traits.ts";
import type { AzureCall } from "./call.ts";
import type { AzureConnection } from "./client.ts";

interface Examined {
  connection: AzureConnection;
  call: AzureCall;
}

type Examiner = Required<Pick<Store, "examine" | "purge" | "listKept">>;

export function createExaminer(examined: Examined, store: Pick<Store, "put" | "list" | "delete">): Examiner {
  return {
    examine: (options) => examineContainer(examined, store, options),
    // An account without versions may refuse the question for them.
    purge: async (folder, options = {}) => {
      if (examined.connection.found.versioning === "on") await purgeBlobs(examined, folder, options);
    },
    listKept: (options = {}) => listKept(examined, options),
  };
}

/** `Store.examine`. What is found counts for this connection from now on. */
async function examineContainer(
  { connection, call }: Examined,
  store: Pick<Store, "put" | "list" | "delete">,
  { folder, signal }: ExamineOptions,
): Promise<StoreTraits> {
  const { found, client, prefix, name } = connection;
  const what = `cannot examine ${name}`;
  const softDeleteDays = await allowed(askSoftDelete({ connection, call }, what, signal));
  const lock = await allowed(askLock({ connection, call }, what, signal));
  Object.assign(found, { softDeleteDays, lock });
  // A probe below an immutability policy could not be deleted.
  if (folder === undefined || lock === undefined || lock.mode !== "off") return { ...found };
  const keys = probeKeys(folder);
  try {
    const first = client.getBlockBlobClient(prefix + keys[0]!);
    const written = await call(what, signal, (abortSignal) => first.upload(PROBE, PROBE.length, { abortSignal }));
    found.versioning = (written as { versionId?: string }).versionId === undefined ? "off" : "on";
    if (found.sortedList !== true) {
      found.sortedList = undefined;
      await storeProbes(store, folder, { signal });
      found.sortedList = await areProbesSorted(store, folder, { signal });
    }
  } finally {
    for (const key of keys) await store.delete(key).catch(() => {}); // the first error counts
    if (found.versioning === "on") await purgeBlobs({ connection, call }, folder, {}).catch(() => {});
  }
  return { ...found };
}

async function askSoftDelete({ connection, call }: Examined, what: string, signal: AbortSignal | undefined) {
  const { deleteRetentionPolicy } = await call(what, signal, (abortSignal) =>
    connection.service.getProperties({ abortSignal }),
  );
  return deleteRetentionPolicy?.enabled === true ? (deleteRetentionPolicy.days ?? 1) : 0;
}

async function askLock({ connection, call }: Examined, what: string, signal: AbortSignal | undefined) {
  const { hasImmutabilityPolicy, hasLegalHold, isImmutableStorageWithVersioningEnabled } = await call(
    what,
    signal,
    (abortSignal) => connection.client.getProperties({ abortSignal }),
  );
  const lock: StoreLock = {
    mode:
      hasLegalHold === true
        ? "legal hold"
        : hasImmutabilityPolicy === true || isImmutableStorageWithVersioningEnabled === true
          ? "immutable"
          : "off",
  };
  return lock;
}

/** Undefined when the credentials may not ask: a signature for one container may not read the account. */
async function allowed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isFeedctlError(error, "denied", "usage")) return undefined;
    throw error;
  }
}

/** `Store.purge`. Blobs that the account deletes softly stay until their days are over. */
async function purgeBlobs({ connection, call }: Examined, folder: string, { signal }: CallOptions): Promise<void> {
  const { client, prefix, name } = connection;
  await call(`cannot delete versions from ${name}`, signal, async (abortSignal, progressed) => {
    for await (const blob of client.listBlobsFlat({ prefix: prefix + folder, includeVersions: true, abortSignal })) {
      progressed();
      const found = client.getBlobClient(blob.name);
      const version = blob.versionId === undefined || blob.isCurrentVersion ? found : found.withVersion(blob.versionId);
      await version.deleteIfExists({ abortSignal });
    }
  });
}

/** `Store.listKept`: earlier versions, and blobs that were deleted softly. */
async function* listKept({ connection, call }: Examined, { signal }: CallOptions): AsyncGenerator<KeptBlob> {
  const { client, prefix, name } = connection;
  const pages = client.listBlobsFlat({ prefix, includeVersions: true, includeDeleted: true }).byPage();
  for (;;) {
    const next = await call(`cannot list the versions of ${name}`, signal, () => pages.next());
    if (next.done === true) return;
    for (const { deleted, isCurrentVersion, versionId, properties } of next.value.segment.blobItems)
      if (deleted || (versionId !== undefined && isCurrentVersion !== true))
        yield { size: properties.contentLength ?? 0 };
  }
}
