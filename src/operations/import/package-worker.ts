// The worker thread of package-reader.ts: reads package files until it is terminated.
import { parentPort, workerData } from "node:worker_threads";
import { setLimits, type Limits } from "../../lib/limits.ts";
import { readSmallSync } from "../../lib/files/read-small.ts";
import { readCandidate, type ReadAnswer, type ReadJob } from "./read-package-file.ts";

const port = parentPort!;
setLimits(workerData as Limits);

port.on("message", (jobs: ReadJob[]) => void readAll(jobs).then((answers) => port.postMessage(answers)));

/** Reads files one after the other: hashing keeps the thread busy anyway. */
async function readAll(jobs: readonly ReadJob[]): Promise<ReadAnswer[]> {
  const answers: ReadAnswer[] = [];
  for (const job of jobs) answers.push(await readCandidate(job, readSmallSync));
  return answers;
}
