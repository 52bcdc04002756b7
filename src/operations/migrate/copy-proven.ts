import { isDeepStrictEqual } from "node:util";
import type { FileRow } from "../../catalog/files.ts";
import type { NewProof } from "../../catalog/migration/proofs.ts";
import { FeedctlError } from "../../errors.ts";
import { hashStream } from "../../lib/bytes/hash.ts";
import type { BlobInfo, Store, UploadNotes } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { copyBlob } from "../transfer/copy-blob.ts";
import type { Preserve } from "../transfer/preserve.ts";
import { servedAs } from "../assets/served-headers.ts";

export function missingInSource(): FeedctlError {
  return new FeedctlError(
    "not-found",
    "the file is in the catalog, but the source has no such blob; import or upload it again, and it is restored",
  );
}

export interface ProvenInput {
  source: Store;
  target: Store;
  blob: BlobInfo;
  /** The blob's row in the catalog. Without it the source is read twice: for its hash, and for the copy. */
  row: Pick<FileRow, "size" | "sha256" | "md5" | "contentType" | "served" | "described"> | undefined;
  /**
   * - `replace`: the target's blob is a copy of this migration and holds outdated bytes.
   * - `repair`: it is the feed's own from before. It is read, and replaced when it holds other bytes.
   */
  ifExists: "fail" | "replace" | "repair";
  /** The target's blob, when it is proven to hold the row's bytes: then only its properties may need an update. */
  copy?: Copy | undefined;
  preserve: Preserve | undefined;
  notes: UploadNotes;
}

export interface Copy {
  blob: BlobInfo;
  /** Whether this migration copied it. */
  own: boolean;
}

export interface ProvenCopy {
  /** `verified`: the target already held these bytes. */
  outcome: "copied" | "verified";
  /** Undefined when the target has no tags. */
  proof: NewProof | undefined;
}

/**
 * Copies a blob, unless the target holds the same bytes, and gives it the properties of its row (content type,
 * cache-control, metadata). Returns the proof of both. Rejects with `conflict` when the target holds other bytes.
 */
export async function copyProven(context: Context, input: ProvenInput): Promise<ProvenCopy> {
  const { source, target, blob, row, ifExists, copy, preserve, notes } = input;
  if (row !== undefined && blob.size !== row.size)
    throw new FeedctlError("corrupt", `the source's blob has ${blob.size} bytes, the catalog says ${row.size}`);
  const expected = row ?? (await hashStream(await source.get(blob.key, { signal: context.signal, known: blob })));
  const { key } = blob;
  const catalogued = row !== undefined;
  const { sha256 } = expected;
  const described = row?.described ?? null;
  const prove = (tag: string | undefined, copied: boolean): NewProof | undefined =>
    tag === undefined ? undefined : { key, tag, sha256, copied, catalogued, described };
  if (row !== undefined && copy !== undefined)
    return { outcome: "verified", proof: prove(await describeCopy(context, target, row, copy.blob), copy.own) };
  const contentType = row?.contentType;
  const served = row === undefined || row.served === null ? undefined : servedAs(row.served);
  const there = ifExists === "repair" ? await target.head(key, { signal: context.signal, checksums: true }) : undefined;
  const isSound = there !== undefined && (await hashOf(context, target, there)) === sha256;
  const replaces = ifExists === "replace" || there !== undefined ? "replace" : "fail";
  const how = { ifExists: replaces, expected, contentType, served, preserve, notes } as const;
  const put = isSound
    ? ({ outcome: "unchanged", tag: there.tag } as const)
    : await copyBlob(context, { source, target, blob, ...how });
  const copied = put.outcome !== "unchanged";
  // a blob that existed before may have other properties
  const mayDiffer = !copied && row !== undefined && described !== null;
  const tag = mayDiffer ? await describeCopy(context, target, row, { key, tag: put.tag }) : put.tag;
  return { outcome: copied ? "copied" : "verified", proof: prove(tag, copied) };
}

/** The blob's SHA-256: the one that is stored with it, else of its bytes. */
async function hashOf({ signal }: Context, store: Store, blob: BlobInfo): Promise<string> {
  return blob.sha256 ?? (await hashStream(await store.get(blob.key, { signal, known: blob }))).sha256;
}

/** Updates a blob's properties to those of its row, where they differ. Returns its tag. */
async function describeCopy(
  context: Context,
  target: Store,
  row: NonNullable<ProvenInput["row"]>,
  known: Pick<BlobInfo, "key" | "tag">,
): Promise<string | undefined> {
  if (target.describe === undefined || row.served === null) return known.tag;
  const { signal } = context;
  // listings need not contain all of these properties
  const blob = await target.head(known.key, { signal });
  if (blob === undefined || blob.tag !== known.tag)
    throw new FeedctlError("corrupt", `the copy in ${target.name} changed after it was proven`);
  const wanted = { contentType: row.contentType, ...servedAs(row.served) };
  if (isDeepStrictEqual(propertiesOf(blob), propertiesOf(wanted))) return blob.tag;
  const { sha256, md5 } = row;
  const how = { ifExists: "replace", sha256, md5, modified: blob.modified, signal, ...wanted } as const;
  return (await target.describe(blob, how)).tag;
}

function propertiesOf({
  contentType,
  cacheControl,
  metadata = {},
}: Pick<BlobInfo, "contentType" | "cacheControl" | "metadata">) {
  return { contentType, cacheControl, metadata };
}
