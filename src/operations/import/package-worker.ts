// The worker thread of package-reader.ts: reads package files until it is terminated.
import { parentPort } from "node:worker_threads";
import { readSmallSync } from "../../lib/read-small.ts";
import { readCandidate, type ReadAnswer, type ReadJob } from "./read-package-file.ts";

const port = parentPort!;

port.on("message", (jobs: ReadJob[]) => void readAll(jobs).then((answers) => port.postMessage(answers)));

/** Reads files one after the other: hashing keeps the thread busy anyway. */
async function readAll(jobs: readonly ReadJob[]): Promise<ReadAnswer[]> {
  const answers: ReadAnswer[] = [];
  for (const job of jobs) answers.push(await readCandidate(job, readSmallSync));
  return answers;
}
