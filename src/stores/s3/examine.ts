// Finds out how a bucket treats objects: what S3 answers about versions, locks and lifecycle rules, and, on servers other
// than Amazon's, what becomes of a few small objects.
import { hash } from "node:crypto";
import { isFeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { areProbesSorted, PROBE, PROBE_MD5, probeKeys, storeProbes } from "../shared/probe.ts";
import type { ExamineOptions, Store } from "../store.ts";
import type { LifecycleRule, StoreLock, StoreTraits } from "../traits.ts";
import { http, type S3Connection } from "./client.ts";
import { deleteObject, deleteObjects } from "./delete.ts";
import { s3Code, s3Status, translateS3Error } from "./errors/translate.ts";
import { purgeObjects } from "./versions.ts";

/** `Store.examine`. What is found counts for this connection from now on. */
export async function examineBucket(
  connection: S3Connection,
  store: Pick<Store, "put" | "list" | "head">,
  { folder, signal }: ExamineOptions,
): Promise<StoreTraits> {
  const { found, isAmazon } = connection;
  const [versioning, lock, lifecycle] = [
    await askVersioning(connection, signal),
    await askLock(connection, signal),
    await askLifecycle(connection, signal),
  ];
  Object.assign(found, { versioning, lock, lifecycle });
  // A probe in a bucket that retains every object could not be deleted.
  if (folder === undefined || isAmazon || lock?.days !== undefined) return { ...found };
  const keys = probeKeys(folder);
  try {
    found.sortedList = undefined;
    await storeProbes(store, folder, { signal });
    found.sortedList = await areProbesSorted(store, folder, { signal }).catch((error: unknown) => {
      // the listing of a server that is said to sort
      if (isFeedctlError(error, "corrupt")) return false;
      throw error;
    });
    await tryCondition(connection, keys[0]!, signal);
    await tryBulkDelete(connection, store, keys, signal);
  } finally {
    for (const key of keys) await deleteObject(connection, key, undefined).catch(() => {}); // the first error counts
    if (versioning !== "off") await purgeObjects(connection, folder, undefined).catch(() => {});
  }
  return { ...found };
}

/** `Store.purge`. Asks whether the bucket keeps versions, unless that is known: not every server can list them. */
export async function purgeProbes(
  connection: S3Connection,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { found } = connection;
  found.versioning ??= await askVersioning(connection, signal);
  if (found.versioning === "on" || found.versioning === "suspended") await purgeObjects(connection, folder, signal);
}

/** Sends a put that a server refuses unless it ignores the condition. */
async function tryCondition(connection: S3Connection, key: Key, signal: AbortSignal | undefined): Promise<void> {
  const { calls, prefix, found } = connection;
  const body = { bytes: PROBE, sha256: hash("sha256", PROBE), md5: PROBE_MD5 };
  try {
    await calls.put(prefix + key, body, { "if-none-match": "*" }, signal);
    found.conditionalCreate = false;
  } catch (error) {
    const status = s3Status(error);
    if (status !== 412 && status !== 409 && status !== 501) throw failed(connection, error, "examine", signal);
    found.conditionalCreate = status !== 501;
  }
}

/** Deletes the probes with one request, and looks whether it did. */
async function tryBulkDelete(
  connection: S3Connection,
  store: Pick<Store, "head">,
  keys: readonly Key[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { found } = connection;
  found.bulkDelete = undefined;
  const [failure] = await deleteObjects(connection, keys, signal);
  if (failure !== undefined) throw failure.error;
  for (const key of keys) if ((await store.head(key, { signal })) !== undefined) found.bulkDelete = false;
}

async function askVersioning(
  connection: S3Connection,
  signal: AbortSignal | undefined,
): Promise<StoreTraits["versioning"]> {
  const { client, bucket: Bucket } = connection;
  const answer = await asked(connection, signal, [], () => client.getBucketVersioning({ Bucket }, http(signal)));
  if (answer === undefined) return undefined;
  if (answer === "none") return "off";
  return answer.Status === "Enabled" ? "on" : answer.Status === "Suspended" ? "suspended" : "off";
}

async function askLock(connection: S3Connection, signal: AbortSignal | undefined): Promise<StoreLock | undefined> {
  const { client, bucket: Bucket } = connection;
  const none = [
    "ObjectLockConfigurationNotFoundError",
    "ObjectLockConfigurationNotFound",
    "NoSuchObjectLockConfiguration",
  ];
  const answer = await asked(connection, signal, none, () =>
    client.getObjectLockConfiguration({ Bucket }, http(signal)),
  );
  if (answer === undefined) return undefined;
  const lock = answer === "none" ? undefined : answer.ObjectLockConfiguration;
  if (lock?.ObjectLockEnabled !== "Enabled") return { mode: "off" };
  const { Mode, Days, Years } = lock.Rule?.DefaultRetention ?? {};
  const days = Days ?? (Years === undefined ? undefined : Years * 365);
  return days === undefined ? { mode: "on" } : { mode: (Mode ?? "on").toLowerCase(), days };
}

async function askLifecycle(
  connection: S3Connection,
  signal: AbortSignal | undefined,
): Promise<LifecycleRule[] | undefined> {
  const { client, bucket: Bucket, prefix } = connection;
  const answer = await asked(connection, signal, ["NoSuchLifecycleConfiguration"], () =>
    client.getBucketLifecycleConfiguration({ Bucket }, http(signal)),
  );
  if (answer === undefined) return undefined;
  if (answer === "none") return [];
  return (answer.Rules ?? []).flatMap((rule): LifecycleRule[] => {
    const { Filter, Status, Expiration, NoncurrentVersionExpiration, Transitions = [] } = rule;
    const part = partOf(prefix, rule.Prefix ?? Filter?.Prefix ?? Filter?.And?.Prefix ?? "");
    if (Status !== "Enabled" || part === undefined) return [];
    const { NoncurrentDays, NewerNoncurrentVersions } = NoncurrentVersionExpiration ?? {};
    // Which objects have a tag or a size is unknown, so such a rule does not promise when an earlier version is deleted.
    const all = Filter?.Tag === undefined && Filter?.And?.Tags === undefined && NewerNoncurrentVersions === undefined;
    return [
      ...(Expiration?.Days === undefined ? [] : [{ does: "delete" as const, days: Expiration.Days, ...part }]),
      ...(NoncurrentDays === undefined || !all
        ? []
        : [{ does: "delete earlier versions" as const, days: NoncurrentDays, ...part }]),
      ...Transitions.map(({ Days = 0, StorageClass }) => ({
        does: "move" as const,
        days: Days,
        ...(StorageClass !== undefined && { to: StorageClass }),
        ...part,
      })),
    ];
  });
}

/** The part of the store that a rule for names with `start` is about. Undefined: none. */
function partOf(prefix: string, start: string): Pick<LifecycleRule, "prefix"> | undefined {
  if (prefix.startsWith(start)) return {};
  return start.startsWith(prefix) ? { prefix: start.slice(prefix.length) } : undefined;
}

/**
 * `"none"`: the server answered with one of these codes. Undefined: it has no such thing, or the credentials may not
 * ask.
 */
async function asked<T>(
  connection: S3Connection,
  signal: AbortSignal | undefined,
  none: readonly string[],
  ask: () => Promise<T>,
): Promise<T | "none" | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (none.includes(s3Code(error))) return "none";
    const refused = [400, 403, 404, 405, 501].includes(s3Status(error) ?? 0) && s3Code(error) !== "NoSuchBucket";
    if (refused && signal?.aborted !== true) return undefined;
    throw failed(connection, error, "examine", signal);
  }
}

function failed(connection: S3Connection, error: unknown, action: string, signal: AbortSignal | undefined) {
  return translateS3Error(error, connection, { action, permission: "s3:PutObject", signal });
}
