// Copies blobs between buckets within the service, with objects.rewrite. Large blobs need several requests.
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, PutOptions, PutResult, RemoteBlob, Store } from "../store.ts";
import type { GcsCalls } from "./calls.ts";
import type { GcsConnection } from "./client.ts";
import { gcsStatus, translateGcsError, type GcsAttempt } from "./errors.ts";
import type { GcsObject } from "./info.ts";
import { resourceOf } from "./upload.ts";

interface Source {
  bucket: string;
  name: string;
  generation: string;
}

type Copier = Required<Pick<Store, "reaches" | "copyFrom">>;

export function createCopier(connection: GcsConnection, calls: GcsCalls, store: Pick<Store, "head">): Copier {
  /** Buckets that rejected a copy with these credentials. Their blobs are downloaded and uploaded instead. */
  const refused = new Set<string>();

  const sourceOf = ({ origin, blob }: RemoteBlob): Source | undefined =>
    origin?.type !== "gcs" || origin.host !== connection.host || blob.tag === undefined || refused.has(origin.bucket)
      ? undefined
      : { bucket: origin.bucket, name: origin.name, generation: blob.tag };

  async function rewrite(source: Source, key: Key, options: PutOptions): Promise<GcsObject> {
    const target = resourceOf(connection, key, options);
    // Without metadata in the request the service copies the source's. "unknown" is ignored when it is read as a hash.
    if (Object.keys(target.metadata ?? {}).length === 0) target.metadata = { sha256: "unknown" };
    const generation = options.ifExists === "fail" ? "0" : undefined;
    for (let token: string | undefined; ;) {
      const step = await calls.rewrite(source, target, { generation, token }, options.signal);
      if (step.object !== undefined) return step.object;
      if (step.token === undefined || step.token === token)
        throw new FeedctlError("unavailable", `a copy inside ${connection.host} does not go on`);
      token = step.token;
    }
  }

  async function copyFrom(key: Key, from: RemoteBlob, options: PutOptions): Promise<PutResult | undefined> {
    const { ifExists, replaces, signal, sha256 } = options;
    const attempt = { action: `store ${JSON.stringify(key)} in`, key, permission: "storage.objects.create", signal };
    throwIfInterrupted(signal);
    const source = sourceOf(from);
    if (source === undefined) return undefined;
    const before = ifExists === "fail" || replaces === undefined ? await store.head(key, { signal }) : undefined;
    if (ifExists === "fail" && before !== undefined) return compare(before, from.blob, options);
    try {
      const object = await rewrite(source, key, options);
      if (Number(object.size) !== from.blob.size) {
        await calls.remove(connection.prefix + key, object.generation, signal);
        throw changed(source);
      }
      const replaced = ifExists === "replace" && (replaces ?? before !== undefined);
      return { outcome: replaced ? "replaced" : "created", tag: object.generation, sha256 };
    } catch (error) {
      const status = gcsStatus(error);
      if (status === 403 || status === 401) {
        refused.add(source.bucket);
        return undefined;
      }
      if (status === 404) throw await missingSource(source, attempt);
      const existing = status === 412 ? await store.head(key, { signal }) : undefined;
      if (existing !== undefined) return compare(existing, from.blob, options);
      throw translateGcsError(error, connection, attempt);
    }
  }

  /** The error for a generation that does not exist any more: `corrupt` if it was replaced, `not-found` if deleted. */
  async function missingSource(source: Source, attempt: GcsAttempt): Promise<FeedctlError> {
    try {
      await calls.stat(source.name, attempt.signal, source.bucket);
      return changed(source);
    } catch (error) {
      if (gcsStatus(error) !== 404) return translateGcsError(error, connection, attempt);
      return new FeedctlError("not-found", `${JSON.stringify(source.name)} in gs://${source.bucket} is gone`);
    }
  }

  /** Undefined if the two have no hash in common: then the bytes must be compared. Throws `conflict` if they differ. */
  function compare(existing: BlobInfo, blob: BlobInfo, options: PutOptions): PutResult | undefined {
    const same = holdsSame(existing, blob, options);
    if (same === undefined) return undefined;
    if (same) return { outcome: "unchanged", tag: existing.tag, sha256: options.sha256 };
    const what = `cannot store ${JSON.stringify(existing.key)} in ${connection.name}`;
    throw new FeedctlError("conflict", `${what}: it holds other bytes already`);
  }

  return { reaches: (from) => sourceOf(from) !== undefined, copyFrom };
}

/** Compares size and hashes. Undefined if the two have no hash in common. */
function holdsSame(existing: BlobInfo, blob: BlobInfo, options: PutOptions): boolean | undefined {
  if (existing.size !== blob.size) return false;
  const sha256 = options.sha256 ?? blob.sha256;
  const md5 = options.md5 ?? blob.md5;
  if (existing.sha256 !== undefined && sha256 !== undefined) return existing.sha256 === sha256;
  return existing.md5 === undefined || md5 === undefined ? undefined : existing.md5 === md5;
}

function changed({ bucket, name }: Source): FeedctlError {
  return new FeedctlError("corrupt", `${JSON.stringify(name)} in gs://${bucket} changed while it was being copied`);
}
