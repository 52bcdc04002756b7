import { Readable } from "node:stream";
import type { BlobSource } from "../../stores/store.ts";

/** A buffer as a blob source. */
export function memorySource(bytes: Buffer): BlobSource & { readonly bytes: Buffer } {
  return {
    bytes,
    size: bytes.length,
    async open(range) {
      return Readable.from([bytes.subarray(range?.start ?? 0, range?.end ?? bytes.length)]);
    },
  };
}
