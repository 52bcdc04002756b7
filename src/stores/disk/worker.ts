// The worker of thread.ts. Runs the task in `workerData` until it is terminated.
import { parentPort, workerData } from "node:worker_threads";
import { packError, type PackedError } from "../../errors.ts";
import { putSmallFiles } from "./small.ts";
import type { SmallPut } from "./small.ts";
import { readWholeFiles, type WholeRead } from "./read-whole.ts";
import { fillSlot, openSlot } from "./slots.ts";
import type { Slot } from "./slots.ts";
import { walkFiles } from "./walk.ts";
import type { Walk } from "./walk.ts";

/** `slots`: the shared memory for the batches of a listing, used round robin. */
export type DiskTask =
  | { task: "list"; walk: Walk; slots: readonly SharedArrayBuffer[] }
  | { task: "put"; memory: SharedArrayBuffer }
  | { task: "read" };

export interface ListBatch {
  /** See `readSlot`. */
  pieces: number[];
  /** The arguments of `onForeign`. */
  foreign: [name: string, problem: string | undefined][];
  done: boolean;
  /** Why the listing ends after this batch. */
  failure?: PackedError | undefined;
}

const port = parentPort!;
const task = workerData as DiskTask;
if (task.task === "list") listOnDemand(task.walk, task.slots.map(openSlot));
else if (task.task === "read") port.on("message", sendWholeFiles);
else putOnDemand(new Uint8Array(task.memory));

function sendWholeFiles(reads: WholeRead[]): void {
  const results = readWholeFiles(reads);
  // moved to the main thread, not copied
  port.postMessage(
    results,
    results.flatMap((result) => (result === undefined ? [] : [result.bytes.buffer])),
  );
}

function putOnDemand(memory: Uint8Array): void {
  port.on("message", (puts: SmallPut[]) => {
    void putSmallFiles(puts, memory).then((results) => port.postMessage(results));
  });
}

/** Sends one batch per message; a message means that the next slot is free. */
function listOnDemand(walk: Walk, slots: readonly Slot[]): void {
  let foreign: ListBatch["foreign"] = [];
  let next = 0;
  const files = walkFiles(walk, (name, problem) => foreign.push([name, problem]));
  port.on("message", () => {
    const writer = fillSlot(slots[next++ % slots.length]!);
    let done = false;
    let failure: ListBatch["failure"];
    try {
      for (let room = true; room && !done;) {
        const { value } = files.next();
        if (value === undefined) done = true;
        else room = writer.add(value);
      }
    } catch (error) {
      failure = packError(error);
    }
    const batch: ListBatch = { pieces: writer.end(), foreign, done, failure };
    foreign = [];
    port.postMessage(batch);
  });
}
