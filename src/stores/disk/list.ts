import { setImmediate as yieldToEvents } from "node:timers/promises";
import { batched } from "../../lib/lists/batches.ts";
import { unpackError } from "../../errors.ts";
import { describeFile } from "./info.ts";
import { makeSlots, openSlot, readSlot } from "./slots.ts";
import { startDiskThread } from "./thread.ts";
import { startWalk, walkFiles } from "./walk.ts";
import type { Walk } from "./walk.ts";
import type { ListBatch } from "./worker.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo, ListOptions } from "../store.ts";

/** How many files are read before the event loop gets its turn. */
const BATCH = 500;

/** A listing of more files than this continues in a thread, which takes about 30 ms to start. */
const BEFORE_THREAD = 2_000;

/** How many batches the thread may be ahead. Memory: about 600 KiB. */
const SLOTS = 4;

/**
 * Yields the files below `root` whose key starts with `prefix`, in UTF-8 byte order of the whole key. Throws if the
 * listing cannot be completed.
 */
export function listFiles(
  root: string,
  prefix: string,
  options: ListOptions,
): AsyncGenerator<BlobInfo, void, undefined> {
  return batched(() => listBatches(root, prefix, options));
}

async function* listBatches(
  root: string,
  prefix: string,
  { signal, onForeign = () => {} }: ListOptions,
): AsyncGenerator<BlobInfo[], void, undefined> {
  throwIfInterrupted(signal);
  const walk = startWalk(root, prefix, onForeign);
  let listed = 0;
  for (const file of walkFiles(walk, onForeign)) {
    yield [describeFile(file.key, file)];
    throwIfInterrupted(signal);
    if (++listed % BATCH !== 0) continue;
    await yieldToEvents();
    throwIfInterrupted(signal);
    if (listed === BEFORE_THREAD) break;
  }
  if (walk.folders.length === 0 && walk.unreadable === undefined) return;
  yield* walkInThread(walk, signal, onForeign);
}

/** Continues a walk in a thread. Returns only after the thread has reported the end of the walk. */
async function* walkInThread(
  walk: Walk,
  signal: AbortSignal | undefined,
  onForeign: NonNullable<ListOptions["onForeign"]>,
): AsyncGenerator<BlobInfo[], void, undefined> {
  const memory = makeSlots(SLOTS);
  const slots = memory.map(openSlot);
  const thread = startDiskThread<"more", ListBatch>({ task: "list", walk, slots: memory });
  // The thread has a copy. Free ours: a folder may have a million entries.
  walk.folders.length = 0;
  try {
    for (const _ of slots) thread.send("more");
    for (let next = 0; ; next++) {
      const { pieces, foreign, done, failure } = await thread.answer();
      for (const [name, problem] of foreign) onForeign(name, problem);
      for (const blobs of readSlot(slots[next % SLOTS]!, pieces, describeFile)) {
        throwIfInterrupted(signal);
        yield blobs;
      }
      throwIfInterrupted(signal);
      if (failure !== undefined) throw unpackError(failure);
      if (done) return;
      thread.send("more");
    }
  } finally {
    await thread.end();
  }
}
