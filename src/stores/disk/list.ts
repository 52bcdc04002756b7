import { setImmediate as yieldToEvents } from "node:timers/promises";
import { batched } from "../../lib/batches.ts";
import { unpackError } from "../../errors.ts";
import { describeFile } from "./info.ts";
import { makeSlots, openSlot, readSlot } from "./slots.ts";
import { startDiskThread } from "./thread.ts";
import { startWalk, walkFiles } from "./walk.ts";
import type { Walk } from "./walk.ts";
import type { ListBatch } from "./worker.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { BlobInfo } from "../store.ts";

/** How many files are looked at in one go; then others get their turn. */
const BATCH = 500;

/** A listing that goes on after this many files pays for a thread of its own, which takes about 30 ms to start. */
const BEFORE_THREAD = 2_000;

/** Batches that the thread may be ahead: about 600 KiB. */
const SLOTS = 4;

export interface ListFilesOptions {
  signal?: AbortSignal | undefined;
  onForeign?: ((name: string) => void) | undefined;
}

/**
 * The files below `root` whose key starts with `prefix`, in UTF-8 byte order of the whole key; complete or throws. A
 * long listing comes in batches.
 */
export function listFiles(
  root: string,
  prefix: string,
  options: ListFilesOptions,
): AsyncGenerator<BlobInfo, void, undefined> {
  return batched(() => listBatches(root, prefix, options));
}

async function* listBatches(
  root: string,
  prefix: string,
  { signal, onForeign = () => {} }: ListFilesOptions,
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

/** The rest of a walk. Ends only after the thread said that it is done. */
async function* walkInThread(
  walk: Walk,
  signal: AbortSignal | undefined,
  onForeign: (name: string) => void,
): AsyncGenerator<BlobInfo[], void, undefined> {
  const memory = makeSlots(SLOTS);
  const slots = memory.map(openSlot);
  const thread = startDiskThread<"more", ListBatch>({ task: "list", walk, slots: memory });
  // The thread has a copy; a folder of a million files must not lie here as well.
  walk.folders.length = 0;
  try {
    for (const _ of slots) thread.send("more");
    for (let next = 0; ; next++) {
      const { pieces, foreign, done, failure } = await thread.answer();
      for (const name of foreign) onForeign(name);
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
