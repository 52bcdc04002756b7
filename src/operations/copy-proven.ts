import type { FileRow } from "../catalog/files.ts";
import type { NewProof } from "../catalog/proofs.ts";
import { FeedctlError } from "../errors.ts";
import { hashStream } from "../lib/hash.ts";
import type { BlobInfo, Store, UploadNotes } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { copyBlob } from "./copy-blob.ts";
import { servedAs } from "./served-as.ts";

export interface ProvenInput {
  source: Store;
  target: Store;
  blob: BlobInfo;
  /** What the catalog says of it; without it the blob is read twice, to have a hash to hold the copy against. */
  row: Pick<FileRow, "size" | "sha256" | "md5" | "contentType" | "served"> | undefined;
  /** `replace`: what stands there was put there by this migration and is not what it should be any more. */
  ifExists: "fail" | "replace";
  notes: UploadNotes;
}

export interface ProvenCopy {
  /** `verified`: the very bytes stood there already. */
  outcome: "copied" | "verified";
  proof: NewProof | undefined;
}

/** Copies a blob and returns the proof that the target holds the right bytes. Rejects with `conflict` for others there. */
export async function copyProven(context: Context, input: ProvenInput): Promise<ProvenCopy> {
  const { source, target, blob, row, ifExists, notes } = input;
  if (row !== undefined && blob.size !== row.size)
    throw new FeedctlError("corrupt", `the source's blob has ${blob.size} bytes, the catalog says ${row.size}`);
  const expected = row ?? (await hashStream(await source.get(blob.key, { signal: context.signal, known: blob })));
  const contentType = row?.contentType;
  const served = row === undefined || row.served === null ? undefined : servedAs(row.served);
  const put = await copyBlob(context, { source, target, blob, ifExists, expected, contentType, served, notes });
  const copied = put.outcome !== "unchanged";
  const { sha256 } = expected;
  return {
    outcome: copied ? "copied" : "verified",
    proof:
      put.tag === undefined
        ? undefined
        : { key: blob.key, tag: put.tag, sha256, copied, catalogued: row !== undefined },
  };
}
