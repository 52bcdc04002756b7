import { FeedctlError } from "../../errors.ts";
import { ownFile } from "../../lib/own-file.ts";
import { startThread, type Thread } from "../../lib/threads/thread.ts";
import type { DiskTask } from "./worker.ts";

/** Size of the thread's young generation, in MiB. */
const YOUNG = 6;

/** Starts a thread for the synchronous calls of one listing or of many small puts. */
export function startDiskThread<Message, Answer>(task: DiskTask): Thread<Message, Answer> {
  return startThread({
    module: ownFile("stores/disk/worker.ts"),
    workerData: task,
    young: YOUNG,
    ended: () => new FeedctlError("unavailable", "a disk worker thread ended unexpectedly"),
  });
}
