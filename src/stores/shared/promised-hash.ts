import { Readable } from "node:stream";
import type { Key } from "../../lib/key.ts";
import type { BlobSource, PutOptions, PutResult, Store } from "../store.ts";
import { hashSource, readVerified } from "./verified-source.ts";

/** Sources up to this size are kept in memory instead of being read twice, in bytes. */
const KEPT = 8 * 1024 * 1024;

/** The options of a put whose sha256 is known before it sends. */
export type PromisedOptions = PutOptions & { sha256: string };

/**
 * `put` for stores that send the sha256 in a header, before the bytes. Without a sha256 in the options the source is
 * read twice: first to hash it, then to send it, and the second read must match the hash of the first.
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
