import { Readable } from "node:stream";
import type { BlobSource, HeldBlob } from "./store.ts";

/** Largest size of a blob that `Store.read` returns, in bytes. */
export const HELD = 256 * 1024;

/** The bytes of a blob in memory as a source. */
export function sourceOf(held: HeldBlob): BlobSource {
  const { bytes } = held;
  return {
    size: bytes.length,
    held,
    open: async (range) => Readable.from([bytes.subarray(range?.start, range?.end)], { objectMode: false }),
  };
}
