import { Readable } from "node:stream";
import type { Key } from "../key.ts";
import type { BlobSource, PutOptions, PutResult, Store } from "../store.ts";
import { hashSource, readVerified } from "./verified-source.ts";

/** Up to here the bytes are kept in memory instead of being read a second time. */
const KEPT = 8 * 1024 * 1024;

/** What a store asks for that must know the sha256 before it sends. */
export type PromisedOptions = PutOptions & { sha256: string };

/**
 * `put` for stores that keep the sha256 with the blob, in a header that leaves before the bytes: a source whose hash
 * nobody promised is read once more, and what it then delivers is held to the hash found.
 */
export function hashFirst(
  put: (key: Key, source: BlobSource, options: PromisedOptions) => Promise<PutResult>,
): Store["put"] {
  return async (key, given, options) => {
    const promised = options.sha256 === undefined ? undefined : { source: given, sha256: options.sha256 };
    const { source, sha256 } = promised ?? (await readFirst(given, options));
    return { ...(await put(key, source, { ...options, sha256 })), sha256 };
  };
}

async function readFirst(source: BlobSource, { signal }: PutOptions): Promise<{ source: BlobSource; sha256: string }> {
  if (source.size > KEPT) return { source, sha256: await hashSource(source, signal) };
  const chunks: Buffer[] = [];
  let sha256 = "";
  for await (const chunk of readVerified(source, undefined, signal, (found) => (sha256 = found))) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const open: BlobSource["open"] = async (range) => Readable.from([bytes.subarray(range?.start, range?.end)]);
  return { source: { size: source.size, open }, sha256 };
}
