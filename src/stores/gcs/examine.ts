// Finds out how a bucket treats objects: its settings, and whether an emulator sorts listings.
import { isFeedctlError } from "../../errors.ts";
import { areProbesSorted, probeKeys, storeProbes } from "../shared/probe.ts";
import type { CallOptions, ExamineOptions, KeptBlob, Store } from "../store.ts";
import type { StoreTraits } from "../traits.ts";
import type { GcsCalls } from "./calls.ts";
import type { GcsConnection } from "./client.ts";
import { gcsStatus, translateGcsError, type GcsAttempt } from "./errors.ts";
import { readSettings } from "./settings.ts";

interface Examined {
  connection: GcsConnection;
  calls: GcsCalls;
}

type Examiner = Required<Pick<Store, "examine" | "purge" | "listKept">>;

export function createExaminer(examined: Examined, store: Pick<Store, "put" | "list" | "delete">): Examiner {
  return {
    examine: (options) => examineBucket(examined, store, options),
    purge: (folder, options = {}) => purgeObjects(examined, folder, options),
    listKept: (options = {}) => listKept(examined, options),
  };
}

/** `Store.examine`. What is found counts for this connection from now on. */
async function examineBucket(
  { connection, calls }: Examined,
  store: Pick<Store, "put" | "list" | "delete">,
  { folder, signal }: ExamineOptions,
): Promise<StoreTraits> {
  const { found } = connection;
  const attempt = { action: "examine", permission: "storage.buckets.get", signal };
  Object.assign(found, await askSettings({ connection, calls }, attempt));
  const sorts = found.sortedList;
  // A probe in a bucket that retains every object could not be deleted.
  if (folder === undefined || sorts !== undefined || found.lock?.days !== undefined) return { ...found };
  try {
    await storeProbes(store, folder, { signal });
    found.sortedList = await areProbesSorted(store, folder, { signal });
  } finally {
    for (const key of probeKeys(folder)) await store.delete(key).catch(() => {}); // the first error counts
    if (found.versioning !== "off") await purgeObjects({ connection, calls }, folder, {}).catch(() => {});
  }
  return { ...found };
}

async function askSettings({ connection, calls }: Examined, attempt: GcsAttempt): Promise<StoreTraits> {
  try {
    return readSettings(await calls.settings(attempt.signal), connection.prefix);
  } catch (error) {
    const translated = translateGcsError(error, connection, attempt);
    // the credentials may not read the bucket, or an emulator has no settings
    if (isFeedctlError(translated, "unavailable", "interrupted") || gcsStatus(error) === undefined) throw translated;
    return {};
  }
}

/** `Store.purge`. */
async function purgeObjects({ connection, calls }: Examined, folder: string, { signal }: CallOptions): Promise<void> {
  const attempt = { action: "delete versions from", permission: "storage.objects.delete", signal };
  for (let token: string | undefined; ;) {
    try {
      const page = await calls.listVersions(connection.prefix + folder, token, "versions", signal);
      for (const { name = "", generation } of page.items ?? [])
        await calls.remove(name, generation, signal).catch((error: unknown) => {
          if (gcsStatus(error) !== 404) throw error;
        });
      token = page.nextPageToken || undefined;
    } catch (error) {
      throw translateGcsError(error, connection, attempt);
    }
    if (token === undefined) return;
  }
}

/** `Store.listKept`: earlier versions, and objects that were deleted softly. */
async function* listKept({ connection, calls }: Examined, { signal }: CallOptions): AsyncGenerator<KeptBlob> {
  const attempt = { action: "list the versions of", permission: "storage.objects.list", signal };
  for (const kind of ["versions", "softDeleted"] as const) {
    if (kind === "softDeleted" && !connection.found.softDeleteDays) continue;
    for (let token: string | undefined; ;) {
      const page = await calls.listVersions(connection.prefix, token, kind, signal).catch((error: unknown) => {
        throw translateGcsError(error, connection, attempt);
      });
      for (const { size, timeDeleted } of page.items ?? [])
        if (kind === "softDeleted" || timeDeleted !== undefined) yield { size: Number(size ?? 0) };
      token = page.nextPageToken || undefined;
      if (token === undefined) break;
    }
  }
}
