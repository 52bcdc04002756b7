/*
 * Server-side copies: Azure fetches the blob from a URL. Copy Blob From URL is used for Azure sources whose headers
 * stay, Put Blob From URL if headers change or the source is S3, and Put Block From URL for blobs above the limit of
 * one request. The ETag pins an Azure source to a version. Azure does not document whether it checks the ETag of other
 * sources: a copy from S3 is verified by its MD5 if that is known, else by a request to S3 before the blocks are
 * committed.
 */
import { FeedctlError } from "../../errors.ts";
import type { AzureCall } from "./call.ts";
import type { AzureConnection, BlockBlobClient } from "./client.ts";
import { quotedTag, plainTag } from "./info.ts";
import { azureCode } from "./errors.ts";
import { createSources, isAzure, refusalOf } from "./sources.ts";
import { stageFromUrl } from "./stage.ts";
import { describeUpload } from "./upload.ts";
import type { Key } from "../../lib/key.ts";
import { sameHeaders } from "../shared/headers.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, CallOptions, PutOptions, PutResult, RemoteBlob } from "../store.ts";

/** The limit of Copy Blob From URL. Put Blob From URL accepts more, but is silent for minutes. */
const SINGLE_MAX = 256 * 1024 * 1024;

/** Azure is silent while it copies. */
const SILENCE_MS = 600_000;

/** Azure's default content type. */
const PLAIN = "application/octet-stream";

export interface CopierParts {
  connection: AzureConnection;
  call: AzureCall;
  blobOf(key: Key): BlockBlobClient;
  head(key: Key, options: CallOptions): Promise<BlobInfo | undefined>;
}

export interface Copier {
  reaches(from: RemoteBlob): boolean;
  /** As `Store.copyFrom`. `doing` begins the message of an error. */
  copy(key: Key, from: RemoteBlob, options: PutOptions, doing: string): Promise<PutResult | undefined>;
}

type Way = "copy" | "put" | "blocks";

export function createCopier({ connection, call, blobOf, head }: CopierParts): Copier {
  const sources = createSources(connection.client.url);
  const unsupported = new Set<Way>();

  /** Undefined: there is no URL for the source. */
  async function send(way: Way, key: Key, from: RemoteBlob, options: PutOptions, doing: string) {
    const { signal } = options;
    const blob = blobOf(key);
    const md5 = options.md5 ?? from.blob.md5;
    const described = describeUpload(options, md5 === undefined ? undefined : Buffer.from(md5, "hex"));
    const ifMatch = quotedTag(from.blob.tag!);
    if (way === "blocks") {
      const ids = await stageFromUrl({ blob, from, ifMatch, sources, connection, call, doing, signal });
      if (ids === undefined) return undefined;
      return call(doing, signal, (abortSignal) => blob.commitBlockList(ids, { ...described, abortSignal }));
    }
    const url = await sources.urlOf(from);
    if (url === undefined) return undefined;
    // Only for other services, which compute the MD5: Azure stores the Content-MD5 that the writer claimed.
    const proof = options.md5 ?? (isAzure(from) ? undefined : from.blob.md5);
    const common = {
      sourceConditions: { ifMatch },
      ...(proof !== undefined && { sourceContentMD5: Buffer.from(proof, "hex") }),
    };
    return call(
      doing,
      signal,
      async (abortSignal) => {
        const { conditions, tags, tier } = described;
        // Without metadata in the request Azure copies the source's. "unknown" is not a hash and is ignored by reads.
        const metadata = Object.keys(described.metadata).length === 0 ? { sha256: "unknown" } : described.metadata;
        return way === "copy"
          ? blob.syncCopyFromURL(url, {
              ...common,
              conditions,
              metadata,
              ...(tags !== undefined && { tags }),
              ...(tier !== undefined && { tier }),
              abortSignal,
            })
          : blob.syncUploadFromURL(url, { ...common, ...described, copySourceBlobProperties: false, abortSignal });
      },
      SILENCE_MS,
    );
  }

  /** Checks the size of the copy, because this process does not see its bytes. Deletes it and throws `corrupt`. */
  async function checkSize(
    key: Key,
    etag: string | undefined,
    { blob }: RemoteBlob,
    doing: string,
    call_: CallOptions,
  ) {
    const stored = await head(key, call_);
    if (stored === undefined || stored.tag !== plainTag(etag) || stored.size === blob.size) return;
    const why = `${stored.size} bytes arrived instead of ${blob.size}`;
    const conditions = { ifMatch: quotedTag(stored.tag!) };
    await call(doing, call_.signal, (abortSignal) => blobOf(key).delete({ conditions, abortSignal }));
    throw new FeedctlError("corrupt", `${doing}: ${why}`);
  }

  async function copy(key: Key, from: RemoteBlob, options: PutOptions, doing: string): Promise<PutResult | undefined> {
    const { signal, ifExists, sha256 } = options;
    throwIfInterrupted(signal);
    const way = wayOf(from, options);
    if (way === undefined || unsupported.has(way) || !sources.reaches(from)) return undefined;
    const asks = ifExists === "replace" ? options.replaces === undefined : way === "blocks";
    const before = asks ? await head(key, { signal }) : undefined;
    if (ifExists === "fail" && before !== undefined) return compare(before, from, options, doing);
    try {
      const done = await send(way, key, from, options, doing);
      if (done === undefined) return undefined;
      sources.succeeded(from);
      await checkSize(key, done.etag, from, doing, { signal });
      const outcome = (options.replaces ?? before !== undefined) ? "replaced" : "created";
      return { outcome, tag: plainTag(done.etag), sha256 };
    } catch (error) {
      // Beside another tool's blocks only ids of their length are accepted: the put finds that out.
      if (way === "blocks" && azureCode(error) === "InvalidBlobOrBlock") return undefined;
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      if (refusal === "unsupported") unsupported.add(way);
      if (refusal === "refused") sources.refused(from);
      if (refusal === "gone") throw new FeedctlError("not-found", `${doing}: its source is gone`);
      if (refusal !== "changed" && refusal !== "condition") return undefined;
      // Either the target exists now, or the source has changed.
      const existing = refusal === "condition" && ifExists === "fail" ? await head(key, { signal }) : undefined;
      if (existing !== undefined) return compare(existing, from, options, doing);
      throw new FeedctlError("corrupt", `${doing}: its source is no longer the version that was listed`);
    }
  }

  return { reaches: sources.reaches, copy };
}

/** The request for a copy. Undefined: none could prove which version was copied. */
function wayOf(from: RemoteBlob, options: PutOptions): Way | undefined {
  const { blob } = from;
  if (blob.tag === undefined || (!isAzure(from) && blob.size === 0)) return undefined;
  if (blob.size > SINGLE_MAX) return "blocks";
  if (!isAzure(from)) return (options.md5 ?? blob.md5) === undefined ? "blocks" : "put";
  const keepsHeaders =
    (options.contentType ?? PLAIN) === (blob.contentType ?? PLAIN) &&
    options.cacheControl === blob.cacheControl &&
    sameHeaders(options.headers, blob.headers);
  return keepsHeaders ? "copy" : "put";
}

/** `unchanged` or `conflict` for an existing target. Undefined without a known hash: a put must compare the bytes. */
function compare(existing: BlobInfo, { blob }: RemoteBlob, options: PutOptions, doing: string): PutResult | undefined {
  const { sha256 = blob.sha256, md5 = blob.md5 } = options;
  const known = sha256 !== undefined && existing.sha256 !== undefined;
  const sameHash = known ? sha256 === existing.sha256 : md5 !== undefined && md5 === existing.md5;
  if (existing.size === blob.size && sameHash) return { outcome: "unchanged", tag: existing.tag, sha256 };
  if (!known && existing.size === blob.size) return undefined;
  throw new FeedctlError("conflict", `${doing}: it already exists with other content`);
}
