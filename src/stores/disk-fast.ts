import { addAbortSignal } from "node:stream";
import { unpackError } from "./disk-errors.ts";
import { tagOf } from "./disk-info.ts";
import { createSmallPutPool } from "./disk-pool.ts";
import type { SmallPutPool } from "./disk-pool.ts";
import { SMALL } from "./disk-small.ts";
import type { SmallPut } from "./disk-small.ts";
import { interrupted } from "./signal.ts";
import type { BlobSource, PutOptions, PutResult } from "./store.ts";
import { checkDelivery } from "./verified-source.ts";

/** The short way for one of many small blobs. */
export interface FastPut {
  /** Undefined: anything is unusual, nothing was changed, and the careful way must look. */
  put(target: string, source: BlobSource, options: PutOptions): Promise<PutResult | undefined>;
  close(): Promise<void>;
}

export function createFastPut(root: string): FastPut {
  let pool: SmallPutPool | undefined;

  return {
    async put(target, source, options) {
      const { size } = source;
      if (size > SMALL) return undefined;
      const from = await bytesOf(source, options.signal);
      if (from === undefined) return undefined;
      pool ??= createSmallPutPool();
      const { sha256, modified, durable = true } = options;
      const replace = options.ifExists === "replace";
      const result = await pool.put({
        root,
        target,
        from,
        size,
        sha256,
        replace,
        modified: modified?.getTime(),
        durable,
      });
      if (result.is === "pass") return undefined;
      if (result.is === "unsafe") throw unpackError(result.error);
      return { outcome: result.outcome, tag: tagOf(result.facts), sha256: result.sha256 };
    },
    close: async () => pool?.close(),
  };
}

/** What the thread is given. Undefined for a file that only the source itself can vouch for. */
async function bytesOf(source: BlobSource, signal: AbortSignal | undefined): Promise<SmallPut["from"] | undefined> {
  const { path, pathTag: tag } = source;
  if (path !== undefined) return source.check !== undefined && tag === undefined ? undefined : { path, tag };
  const bytes = await readSmall(source, signal);
  await source.check?.();
  return bytes;
}

/** All bytes of a small source; its hash is the thread's to look at. */
async function readSmall(source: BlobSource, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  // Not from Node's pool: this memory goes to the thread.
  const bytes = new Uint8Array(source.size);
  let size = 0;
  try {
    const stream = await source.open(undefined, signal);
    if (signal !== undefined) addAbortSignal(signal, stream);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (size + chunk.length <= bytes.length) bytes.set(chunk, size);
      size += chunk.length;
      if (size > bytes.length) break;
    }
  } catch (error) {
    throw signal?.aborted ? interrupted(error) : error;
  }
  checkDelivery(source.size, undefined, size);
  return bytes;
}
