import { isDeepStrictEqual } from "node:util";
import type { FileRow } from "../../catalog/files.ts";
import type { NewProof } from "../../catalog/migration/proofs.ts";
import { FeedctlError } from "../../errors.ts";
import { hashStream } from "../../lib/hash.ts";
import type { BlobInfo, Store, UploadNotes } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { copyBlob } from "../transfer/copy-blob.ts";
import { servedAs } from "../assets/served-headers.ts";

export interface ProvenInput {
  source: Store;
  target: Store;
  blob: BlobInfo;
  /** What the catalog says of it; without it the blob is read twice, to have a hash to hold the copy against. */
  row: Pick<FileRow, "size" | "sha256" | "md5" | "contentType" | "served" | "described"> | undefined;
  /** `replace`: what stands there was put there by this migration and is not what it should be any more. */
  ifExists: "fail" | "replace";
  /** The target's blob, where it has the row's bytes as it is proven: then only what it says of itself may be wrong. */
  copy?: Copy | undefined;
  notes: UploadNotes;
}

export interface Copy {
  blob: BlobInfo;
  /** This migration has put it there. */
  own: boolean;
}

export interface ProvenCopy {
  /** `verified`: the very bytes stood there already. */
  outcome: "copied" | "verified";
  proof: NewProof | undefined;
}

/**
 * Copies a blob and returns the proof that the target holds the right bytes, and of an asset that it says of itself
 * what its row does. Rejects with `conflict` for other bytes there.
 */
export async function copyProven(context: Context, input: ProvenInput): Promise<ProvenCopy> {
  const { source, target, blob, row, ifExists, copy, notes } = input;
  if (row !== undefined && blob.size !== row.size)
    throw new FeedctlError("corrupt", `the source's blob has ${blob.size} bytes, the catalog says ${row.size}`);
  const expected = row ?? (await hashStream(await source.get(blob.key, { signal: context.signal, known: blob })));
  const { key } = blob;
  const catalogued = row !== undefined;
  const { sha256 } = expected;
  const told = row?.described ?? null;
  const prove = (tag: string | undefined, copied: boolean): NewProof | undefined =>
    tag === undefined ? undefined : { key, tag, sha256, copied, catalogued, described: told };
  if (row !== undefined && copy !== undefined)
    return { outcome: "verified", proof: prove(await describeCopy(context, target, row, copy.blob), copy.own) };
  const contentType = row?.contentType;
  const served = row === undefined || row.served === null ? undefined : servedAs(row.served);
  const put = await copyBlob(context, { source, target, blob, ifExists, expected, contentType, served, notes });
  const copied = put.outcome !== "unchanged";
  // what stood there already says what somebody else has told it, or an earlier run
  const described = !copied && row !== undefined && told !== null;
  const tag = described ? await describeCopy(context, target, row, { key, tag: put.tag }) : put.tag;
  return { outcome: copied ? "copied" : "verified", proof: prove(tag, copied) };
}

/** Makes a blob with the right bytes say of itself what its row does. Returns its tag. */
async function describeCopy(
  context: Context,
  target: Store,
  row: NonNullable<ProvenInput["row"]>,
  known: Pick<BlobInfo, "key" | "tag">,
): Promise<string | undefined> {
  if (target.describe === undefined || row.served === null) return known.tag;
  const { signal } = context;
  // a listing need not tell all that is compared
  const blob = await target.head(known.key, { signal });
  if (blob === undefined || blob.tag !== known.tag)
    throw new FeedctlError("corrupt", `the copy in ${target.name} is no longer what was proven`);
  const wanted = { contentType: row.contentType, ...servedAs(row.served) };
  if (isDeepStrictEqual(sayings(blob), sayings(wanted))) return blob.tag;
  const { sha256, md5 } = row;
  const how = { ifExists: "replace", sha256, md5, modified: blob.modified, signal, ...wanted } as const;
  return (await target.describe(blob, how)).tag;
}

function sayings({
  contentType,
  cacheControl,
  metadata = {},
}: Pick<BlobInfo, "contentType" | "cacheControl" | "metadata">) {
  return { contentType, cacheControl, metadata };
}
