// The other side of disk-thread.ts: runs in a thread of its own and does what it is told until it is terminated.
import { parentPort, workerData } from "node:worker_threads";
import { packError } from "./disk-errors.ts";
import type { PackedError } from "./disk-errors.ts";
import { putSmallFiles } from "./disk-small.ts";
import type { SmallPut } from "./disk-small.ts";
import { walkFiles } from "./disk-walk.ts";
import type { Walk } from "./disk-walk.ts";

export type DiskTask = { task: "list"; walk: Walk } | { task: "put" };

export interface ListBatch {
  /** Joined by line feeds. */
  keys: string;
  /** Three numbers per key: size, mtimeMs, ino. */
  facts: Float64Array;
  foreign: string[];
  done: boolean;
  /** Why the listing ends after these. */
  failure?: PackedError | undefined;
}

const FILES = 1_000;

const port = parentPort!;
const task = workerData as DiskTask;
if (task.task === "list") listOnDemand(task.walk);
else port.on("message", (puts: SmallPut[]) => void putSmallFiles(puts).then((results) => port.postMessage(results)));

/** One batch for every message. */
function listOnDemand(walk: Walk): void {
  let foreign: string[] = [];
  const files = walkFiles(walk, (name) => foreign.push(name));
  port.on("message", () => {
    const keys: string[] = [];
    const facts = new Float64Array(3 * FILES);
    let done = false;
    let failure: ListBatch["failure"];
    try {
      while (keys.length < FILES && !done) {
        const { value } = files.next();
        if (value === undefined) {
          done = true;
          break;
        }
        facts.set([value.size, value.mtimeMs, value.ino], 3 * keys.length);
        keys.push(value.key);
      }
    } catch (error) {
      failure = packError(error);
    }
    const batch: ListBatch = { keys: keys.join("\n"), facts, foreign, done, failure };
    foreign = [];
    port.postMessage(batch, [facts.buffer]);
  });
}
