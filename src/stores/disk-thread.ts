import { FeedctlError } from "../errors.ts";
import { startThread, type Thread } from "../lib/thread.ts";
import type { DiskTask } from "./disk-worker.ts";

/** MiB. */
const YOUNG = 6;

/** Starts a thread for the synchronous calls of one listing or of many small puts. */
export function startDiskThread<Message, Answer>(task: DiskTask): Thread<Message, Answer> {
  return startThread({
    module: new URL("./disk-worker.ts", import.meta.url),
    workerData: task,
    young: YOUNG,
    ended: () => new FeedctlError("unavailable", "a thread that works on the disk ended too early"),
  });
}
