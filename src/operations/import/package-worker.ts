// The other side of package-reader.ts: runs in a thread of its own and reads package files until it is terminated.
import { parentPort } from "node:worker_threads";
import { readSmallSync } from "../../lib/read-small.ts";
import { readCandidate, type ReadAnswer, type ReadJob } from "./read-package-file.ts";

const port = parentPort!;

port.on("message", (jobs: ReadJob[]) => void readAll(jobs).then((answers) => port.postMessage(answers)));

/** One after the other: a thread that hashes has nothing to wait for. */
async function readAll(jobs: readonly ReadJob[]): Promise<ReadAnswer[]> {
  const answers: ReadAnswer[] = [];
  for (const job of jobs) answers.push(await readCandidate(job, readSmallSync));
  return answers;
}
