import { setImmediate as yieldToEvents } from "node:timers/promises";
import { batched } from "../lib/batches.ts";
import { unpackError } from "./disk-errors.ts";
import { describeFile } from "./disk-info.ts";
import { startDiskThread } from "./disk-thread.ts";
import { startWalk, walkFiles } from "./disk-walk.ts";
import type { Walk } from "./disk-walk.ts";
import type { ListBatch } from "./disk-worker.ts";
import type { Key } from "./key.ts";
import { throwIfInterrupted } from "./signal.ts";
import type { BlobInfo } from "./store.ts";

/** How many files are looked at in one go; then others get their turn. */
const BATCH = 500;

/** A listing that goes on after this many files pays for a thread of its own, which takes about 30 ms to start. */
const BEFORE_THREAD = 2_000;

/** How many files of a batch are described at once: few, so that they are forgotten before memory is tidied. */
const AT_ONCE = 100;

/** Batches of the thread under way or waiting here. With its 1,000 files each, about 1 MiB. */
const AHEAD = 4;

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
  if (walk.length === 0) return;
  for await (const { keys, facts, foreign } of walkInThread(walk)) {
    for (const name of foreign) onForeign(name);
    // No key holds a line feed, and one long string crosses over faster than many short ones.
    const names = keys === "" ? [] : keys.split("\n");
    for (let from = 0; from < names.length; from += AT_ONCE) {
      throwIfInterrupted(signal);
      yield names.slice(from, from + AT_ONCE).map((key, i) => {
        const at = 3 * (from + i);
        return describeFile(key as Key, { size: facts[at]!, mtimeMs: facts[at + 1]!, ino: facts[at + 2]! });
      });
    }
    throwIfInterrupted(signal);
  }
}

/** The rest of a walk in batches. Ends only after the thread said that it is done. */
async function* walkInThread(walk: Walk): AsyncGenerator<ListBatch, void, undefined> {
  const thread = startDiskThread<"more", ListBatch>({ task: "list", walk });
  // The thread has a copy; a folder of a million files must not lie here as well.
  walk.length = 0;
  try {
    for (let i = 0; i < AHEAD; i++) thread.send("more");
    for (;;) {
      const batch = await thread.answer();
      thread.send("more");
      yield batch;
      if (batch.failure !== undefined) throw unpackError(batch.failure);
      if (batch.done) return;
    }
  } finally {
    await thread.end();
  }
}
