import { addAbortSignal } from "node:stream";
import { unpackError } from "../../errors.ts";
import { tagOf } from "./info.ts";
import type { ThreadPool } from "../../lib/threads/thread-pool.ts";
import { createDiskPool } from "./pool.ts";
import { SMALL } from "./small.ts";
import type { SmallPut, SmallPutResult } from "./small.ts";
import type { Key } from "../../lib/key.ts";
import { HELD } from "../held.ts";
import { interrupted } from "../shared/signal.ts";
import type { BlobSource, PutOptions, PutResult } from "../store.ts";
import { checkDelivery } from "../shared/verified-source.ts";

/** The fast path for small blobs: batches of synchronous calls in threads. */
export interface FastPut {
  /** Undefined: the blob is not small or something was unusual. Nothing was changed; use the slow path. */
  put(key: Key, source: BlobSource, options: PutOptions): Promise<PutResult | undefined>;
  close(): Promise<void>;
}

/** How many blobs may be on their way to the threads at once. */
const SLOTS = 64;

export function createFastPut(root: string): FastPut {
  let pool: ThreadPool<SmallPut, SmallPutResult> | undefined;
  /** Shared with the threads from their start: sharing a buffer with a message costs more than its put. */
  let memory: SharedArrayBuffer | undefined;
  const spare = Array.from({ length: SLOTS }, (_, slot) => slot);

  async function putBytes(key: Key, source: BlobSource, options: PutOptions): Promise<PutResult | undefined> {
    const slot = spare.pop();
    if (slot === undefined) return undefined;
    memory ??= new SharedArrayBuffer(SLOTS * HELD);
    try {
      const bytes = new Uint8Array(memory, slot * HELD, source.size);
      if (source.held !== undefined) bytes.set(source.held.bytes);
      else {
        await readInto(bytes, source, options.signal);
        await source.check?.();
      }
      return await put(key, slot * HELD, source, options);
    } finally {
      spare.push(slot);
    }
  }

  async function put(
    key: Key,
    from: SmallPut["from"],
    { size }: BlobSource,
    { sha256, modified, mode, durable = true, ifExists }: PutOptions,
  ): Promise<PutResult | undefined> {
    pool ??= createDiskPool({ task: "put", memory: (memory ??= new SharedArrayBuffer(SLOTS * HELD)) });
    const replace = ifExists === "replace";
    const time = modified?.getTime();
    const result = await pool.run({ root, key, from, size, sha256, replace, modified: time, mode, durable });
    if (result.is === "pass") return undefined;
    if (result.is === "unsafe") throw unpackError(result.error);
    return { outcome: result.outcome, tag: tagOf(result.facts), sha256: result.sha256 };
  }

  return {
    async put(key, source, options) {
      const { size, path, pathTag: tag, pathRoot } = source;
      if (size > (path === undefined ? HELD : SMALL)) return undefined;
      if (path === undefined) return putBytes(key, source, options);
      // Such a source must run its `check` after the read, which a thread cannot call.
      if (source.check !== undefined && tag === undefined) return undefined;
      return put(key, { path, tag, pathRoot }, source, options);
    },
    close: async () => pool?.close(),
  };
}

/** Reads a small source and checks its size. The thread checks its hash. */
async function readInto(bytes: Uint8Array, source: BlobSource, signal: AbortSignal | undefined): Promise<void> {
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
}
