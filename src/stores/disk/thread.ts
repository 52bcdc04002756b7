import { FeedctlError } from "../../errors.ts";
import { startThread, type Thread } from "../../lib/threads/thread.ts";
import type { DiskTask } from "./worker.ts";

/** MiB. */
const YOUNG = 6;

/** Starts a thread for the synchronous calls of one listing or of many small puts. */
export function startDiskThread<Message, Answer>(task: DiskTask): Thread<Message, Answer> {
  return startThread({
    module: new URL("./worker.ts", import.meta.url),
    workerData: task,
    young: YOUNG,
    ended: () => new FeedctlError("unavailable", "a thread that works on the disk ended too early"),
  });
}
