/*
 * The blob name is the target path and the key, as UTF-8, without escapes. Azure changes backslashes and dots at the
 * end of a segment, so `put` refuses such keys and reads never find them. SHA-256 and modification time are metadata of
 * the blob, as `sha256` and `mtime`; the MD5 is Content-MD5; see metadata.ts for the user's metadata. A blob appears
 * with Put Blob or Put Block List, whole or not at all. Staged blocks that are never committed are invisible, and Azure
 * discards them after a week (unfinished.ts).
 */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { contentBeside, stagedBlocks } from "./blocks.ts";
import { createAzureCall } from "./call.ts";
import { connectAzure, isAltered } from "./client.ts";
import { createCopier } from "./copy.ts";
import { deleteInBatches } from "./delete.ts";
import { describeAgain } from "./describe.ts";
import { azureCode } from "./errors.ts";
import { createExaminer } from "./examine.ts";
import { getBlob } from "./get.ts";
import { describeBlob, plainTag } from "./info.ts";
import { listBlobs } from "./list.ts";
import { stagedUploads } from "./unfinished.ts";
import { isLarge, upload } from "./upload.ts";
import type { Key } from "../../lib/key.ts";
import { cloudFeatures } from "../shared/features.ts";
import { hashFirst } from "../shared/promised-hash.ts";
import type { PromisedOptions } from "../shared/promised-hash.ts";
import type { BlobInfo, BlobSource, CallOptions, GetOptions, PutOptions, PutResult, Store } from "../store.ts";
import type { StoreTraits } from "../traits.ts";
import type { AzureConfig } from "./config.ts";

/** How often an upload starts again. A commit discards the blocks of concurrent uploads of the same blob. */
const UPLOAD_ATTEMPTS = 3;

const raceCodes = ["BlobAlreadyExists", "ConditionNotMet", "InvalidBlockList"];

/** Opens a container as a store. Sends nothing; the first call fails if the container does not exist. */
export async function openAzureStore(
  config: AzureConfig,
  { known }: { known?: StoreTraits | undefined } = {},
): Promise<Store> {
  const connection = await connectAzure(config, known);
  const { client, prefix, name, account, container } = connection;
  const call = createAzureCall(connection);
  const blobOf = (key: Key) => client.getBlockBlobClient(prefix + key);
  const doing = (verb: string, key: Key) => `cannot ${verb} ${JSON.stringify(key)} in ${name}`;

  async function head(key: Key, { signal }: CallOptions = {}): Promise<BlobInfo | undefined> {
    if (isAltered(key)) return undefined;
    try {
      const found = await call(doing("look up", key), signal, (abortSignal) =>
        blobOf(key).getProperties({ abortSignal }),
      );
      return describeBlob(key, found);
    } catch (error) {
      if (!isFeedctlError(error, "not-found") || azureCode(error) === "ContainerNotFound") throw error;
      return undefined;
    }
  }

  async function get(key: Key, options: GetOptions = {}): Promise<Readable> {
    const what = doing("read", key);
    if (isAltered(key)) throw new FeedctlError("not-found", `${what}: no such blob`);
    return getBlob({ key, blob: blobOf(key), options, call, doing: what });
  }

  /** `unchanged` if the existing blob has the same bytes. Rejects with `conflict` for other bytes. */
  async function compare(
    existing: BlobInfo,
    source: BlobSource,
    options: PromisedOptions,
    md5: string | undefined,
  ): Promise<PutResult> {
    const { key, size, sha256, tag } = existing;
    const same = async (): Promise<boolean> => {
      if (size !== source.size) return false;
      if (sha256 !== undefined) return sha256 === options.sha256;
      // Azure stores the Content-MD5 that the writer claimed: a difference proves nothing.
      if (md5 !== undefined && existing.md5 === md5) return true;
      const hash = createHash("sha256");
      for await (const chunk of await get(key, { signal: options.signal })) hash.update(chunk as Buffer);
      return hash.digest("hex") === options.sha256;
    };
    if (await same()) return { outcome: "unchanged", tag };
    throw new FeedctlError("conflict", `${doing("store", key)}: it already exists with other content`);
  }

  async function put(key: Key, source: BlobSource, options: PromisedOptions): Promise<PutResult> {
    const { signal, ifExists } = options;
    const what = doing("store", key);
    checkPut(key, options, what);
    let md5 = options.md5;
    const asks = ifExists === "replace" ? options.replaces === undefined : isLarge(source);
    const before = asks ? await head(key, { signal }) : undefined;
    // Saves sending a large blob that exists already.
    if (ifExists === "fail" && before !== undefined) return compare(before, source, options, md5);
    const blob = blobOf(key);
    let idContent: number | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        const { etag } = await upload({ blob, source, options, call, doing: what, idContent }, (found) => {
          md5 = found.toString("hex");
        });
        return { outcome: (options.replaces ?? before !== undefined) ? "replaced" : "created", tag: plainTag(etag) };
      } catch (error) {
        if (azureCode(error) === "InvalidBlobOrBlock" && idContent === undefined)
          idContent = contentBeside(await stagedBlocks(blob, call, what, signal));
        else if (!raceCodes.includes(azureCode(error) ?? "")) throw error;
        const existing = ifExists === "fail" ? await head(key, { signal }) : undefined;
        if (existing !== undefined) return await compare(existing, source, options, md5);
        if (attempt >= UPLOAD_ATTEMPTS) throw error;
      }
    }
  }

  async function remove(key: Key, { signal }: CallOptions = {}): Promise<void> {
    if (isAltered(key)) return;
    try {
      const how = { deleteSnapshots: "include" } as const;
      await call(doing("delete", key), signal, (abortSignal) => blobOf(key).delete({ ...how, abortSignal }));
    } catch (error) {
      if (!isFeedctlError(error, "not-found") || azureCode(error) === "ContainerNotFound") throw error;
    }
  }

  const putHashed = hashFirst(async (key, source, options) => {
    const result = await put(key, source, options);
    // This adapter saves no notes, but the caller's may be of another store.
    if (isLarge(source)) await options.notes?.drop(key);
    return result;
  });

  const list: Store["list"] = (keyPrefix, options = {}) => listBlobs({ connection, call }, keyPrefix, options);
  const copier = createCopier({ connection, call, blobOf, head });

  /** Without permission to read the container's properties its blobs are reported as private. */
  async function isPublic(): Promise<boolean> {
    try {
      const found = await call(`cannot look up ${name}`, undefined, (abortSignal) =>
        client.getProperties({ abortSignal }),
      );
      return found.blobPublicAccess !== undefined;
    } catch (error) {
      if (isFeedctlError(error, "denied")) return false;
      throw error;
    }
  }

  return {
    name,
    type: "azure",
    features: cloudFeatures(connection.found, { listsAll: true }),
    head,
    tags: async (key, { signal } = {}) =>
      (await call(doing("read the tags of", key), signal, (abortSignal) => blobOf(key).getTags({ abortSignal }))).tags,
    get,
    put: putHashed,
    remote: (blob) => ({
      blob,
      origin: { type: "azure", host: account, bucket: container, name: prefix + blob.key, urlHasTag: true },
      url: (seconds) => connection.readUrl(blobOf(blob.key), seconds),
      publicUrl: async () => ((await isPublic()) ? blobOf(blob.key).url.replace(/\?.*$/, "") : undefined),
    }),
    describe: (blob, options) => describeAgain({ blob, at: blobOf(blob.key), options, call, doing }),
    nameProblem,
    reaches: copier.reaches,
    async copyFrom(key, from, options) {
      const what = doing("copy to", key);
      checkPut(key, options, what);
      return copier.copy(key, from, options, what);
    },
    list,
    ...createExaminer({ connection, call }, { put: putHashed, list, delete: remove }),
    delete: remove,
    deleteMany: (keys, options = {}) =>
      deleteInBatches({
        client,
        keys: keys.filter((key) => !isAltered(key)),
        blobOf,
        remove,
        call,
        name,
        signal: options.signal,
      }),
    unfinished: stagedUploads({ connection, call, blobOf, head }),
    // Nothing to close: the SDK's sockets are shared, and idle ones do not keep the process alive.
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function nameProblem(key: Key): string | undefined {
  if (isAltered(key)) return "holds a backslash, or a dot at the end of a segment, which Azure alters";
  // Azure's listings are XML without escapes for names.
  // oxlint-disable-next-line no-control-regex -- the pattern exists to find control characters
  return /[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/.test(key)
    ? "holds a character that Azure does not list"
    : undefined;
}

function checkPut(key: Key, { contentType, cacheControl, headers = {} }: PutOptions, doing: string): void {
  const problem = nameProblem(key);
  if (problem !== undefined) {
    throw new FeedctlError("invalid", `${doing}: it ${problem}`, {
      hint: "rename it, or keep it in a store of another type",
    });
  }
  const { contentEncoding, contentDisposition, contentLanguage } = headers;
  const sent = {
    "content type": contentType,
    "cache-control": cacheControl,
    "content-encoding": contentEncoding,
    "content-disposition": contentDisposition,
    "content-language": contentLanguage,
  };
  for (const [name, value] of Object.entries(sent)) {
    if (value === undefined || /^[ -~]*$/.test(value)) continue;
    throw new FeedctlError("usage", `${doing}: the ${name} ${JSON.stringify(value)} is not printable ASCII`);
  }
}
