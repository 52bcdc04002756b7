import type { FileRow } from "../../catalog/files.ts";
import { sameTag } from "../../stores/same-tag.ts";
import type { Store } from "../../stores/store.ts";
import { contentHash } from "./content-hash.ts";

/**
 * `there`: the store holds the row's bytes; with `read`, its bytes were read and hashed, so the tag is worth recording.
 * `other`: it holds other bytes at the key.
 */
export type Presence = { is: "there"; tag: string | null; read: boolean } | { is: "missing" } | { is: "other" };

/** What counts as proof. `whole`: its bytes, because the other copy will be deleted. `head`: one request. */
export type Proof = "whole" | "head";

/**
 * Whether the store holds the bytes of a row. Compares size and the hashes that the store knows, else the tag at the
 * last verification, else reads the blob; with `head` it is not read.
 */
export async function proveStored(
  store: Store,
  row: Pick<FileRow, "key" | "size" | "md5" | "sha256" | "storeTag">,
  { proof, signal }: { proof: Proof; signal: AbortSignal },
): Promise<Presence> {
  const key = row.key;
  const blob = await store.head(key, { signal });
  if (blob === undefined) return { is: "missing" };
  const tag = blob.tag ?? null;
  if (blob.size !== row.size) return { is: "other" };
  if (blob.md5 !== undefined && blob.md5 !== row.md5) return { is: "other" };
  if (blob.sha256 !== undefined && blob.sha256 !== row.sha256) return { is: "other" };
  if (blob.md5 !== undefined || blob.sha256 !== undefined) return { is: "there", tag, read: false };
  if (proof === "head" || (tag !== null && sameTag(row.storeTag, tag))) return { is: "there", tag, read: false };
  const sha256 = await contentHash(store, key, signal);
  if (sha256 === undefined) return { is: "missing" };
  return sha256 === row.sha256 ? { is: "there", tag, read: true } : { is: "other" };
}
