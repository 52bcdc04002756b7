import type { ThreadPool } from "../../lib/threads/thread-pool.ts";
import { HELD } from "../held.ts";
import type { BlobInfo, HeldBlob } from "../store.ts";
import { createDiskPool } from "./pool.ts";
import type { WholeRead, WholeReadResult } from "./read-whole.ts";

/** The fast way to read small blobs: batches of synchronous calls in threads, which also hash them. */
export interface FastRead {
  /** Undefined: the blob is not small or something was unusual; use the slow path. */
  read(blob: BlobInfo, place: { path: string; pathRoot: string }): Promise<HeldBlob | undefined>;
  close(): Promise<void>;
}

export function createFastRead(): FastRead {
  let pool: ThreadPool<WholeRead, WholeReadResult> | undefined;
  return {
    async read(blob, place) {
      if (blob.size > HELD) return undefined;
      pool ??= createDiskPool({ task: "read" });
      const read = await pool.run({ ...place, size: blob.size, tag: blob.tag });
      if (read === undefined) return undefined;
      const { buffer, byteOffset, length } = read.bytes;
      return { info: blob, bytes: Buffer.from(buffer, byteOffset, length), sha256: read.sha256, md5: read.md5 };
    },
    close: async () => pool?.close(),
  };
}
