import { createHash } from "node:crypto";
import { FeedctlError } from "../../errors.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, BlobSource, PutResult, Store } from "../store.ts";
import { gcsStatus, translateGcsError } from "./errors.ts";
import type { GcsObject } from "./info.ts";
import { isLarge, readSmall, resourceOf, uploadLarge, type Upload } from "./upload.ts";

/** How often a put is attempted when other writers change the blob meanwhile. */
const TRIES = 5;

/** `Store.put` of a source whose sha256 is known. */
export async function putBlob(upload: Upload, store: Pick<Store, "head" | "get">): Promise<PutResult> {
  const { connection, key, source, options, attempt } = upload;
  const { ifExists, signal } = options;
  throwIfInterrupted(signal);
  const large = isLarge(source);
  const creates = ifExists === "fail";
  // Saves sending a large blob that exists already.
  const asks = creates ? large : options.replaces === undefined;
  let existing = asks ? await store.head(key, { signal }) : undefined;
  const small = large ? undefined : await readSmall(upload);
  for (let count = 1; ; count++) {
    if (creates && existing !== undefined) return compare(upload, existing, store);
    // With the generation as precondition, `created` or `replaced` is certain. A large blob is not sent twice for that.
    const seen = asks && !large && count < TRIES ? (existing?.tag ?? "0") : undefined;
    const generation = creates ? "0" : seen;
    try {
      const { object, md5 } = await (small === undefined
        ? uploadLarge(upload, generation)
        : uploadSmall(upload, small, generation));
      await checkStored(upload, object, md5);
      const replaced = !creates && (options.replaces ?? existing !== undefined);
      return { outcome: replaced ? "replaced" : "created", tag: object.generation };
    } catch (error) {
      if (gcsStatus(error) !== 412 || count === TRIES) throw translateGcsError(error, connection, attempt);
      existing = await store.head(key, { signal });
    }
  }
}

async function uploadSmall(
  { connection, calls, key, options }: Upload,
  { bytes, md5 }: { bytes: Buffer; md5: string },
  generation: string | undefined,
): Promise<{ object: GcsObject; md5: string }> {
  const object = { ...resourceOf(connection, key, options), md5Hash: md5 };
  return { object: await calls.insert(object, bytes, generation, options.signal), md5 };
}

/** Detects a server that stores other bytes without checking the MD5 of the request. Deletes them; throws `corrupt`. */
async function checkStored(
  { connection, calls, key, source, options, attempt }: Upload,
  object: GcsObject,
  md5?: string,
) {
  const rightSize = Number(object.size) === source.size;
  if (rightSize && (md5 === undefined || object.md5Hash === undefined || object.md5Hash === md5)) return;
  await calls.remove(connection.prefix + key, object.generation, options.signal);
  throw new FeedctlError("corrupt", `cannot ${attempt.action} ${connection.name}: other bytes arrived than were sent`);
}

/** `unchanged` if the existing blob has the same bytes. Rejects with `conflict` for other bytes. */
async function compare(upload: Upload, existing: BlobInfo, store: Pick<Store, "get">): Promise<PutResult> {
  const { connection, source, options, attempt } = upload;
  if (await holdsSame(existing, source, options, store)) return { outcome: "unchanged", tag: existing.tag };
  throw new FeedctlError("conflict", `cannot ${attempt.action} ${connection.name}: it holds other bytes already`);
}

async function holdsSame(
  existing: BlobInfo,
  source: BlobSource,
  { sha256, md5, signal }: PromisedOptions,
  store: Pick<Store, "get">,
): Promise<boolean> {
  if (existing.size !== source.size) return false;
  if (existing.sha256 !== undefined) return existing.sha256 === sha256;
  if (existing.md5 !== undefined && md5 !== undefined) return existing.md5 === md5;
  const hash = createHash("sha256");
  for await (const chunk of await store.get(existing.key, { signal, known: existing })) hash.update(chunk as Buffer);
  return hash.digest("hex") === sha256;
}
