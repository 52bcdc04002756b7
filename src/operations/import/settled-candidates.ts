import type { Context } from "../context.ts";
import { freshStats, isAbsent, markOf, sameMark } from "../local-files/file-mark.ts";
import { lookTwice } from "../local-files/settled.ts";
import type { Candidate } from "./find-package-files.ts";

/** Looks at files a second time before they are imported and deleted. One that has changed becomes a problem. */
export function settledCandidates(
  context: Context,
  candidates: AsyncIterable<Candidate>,
  settle: number,
): AsyncIterable<Candidate> {
  return lookTwice(context, candidates, settle, async function* (candidate) {
    const problem = "problem" in candidate ? undefined : await findProblem(candidate.file.path, candidate);
    yield problem === undefined ? candidate : { path: candidate.path, problem };
  });

  async function findProblem(path: string, { mark }: Exclude<Candidate, { problem: string }>) {
    try {
      if (sameMark(markOf(await freshStats(path)), mark)) return undefined;
      return `is still being written: it changed within ${settle / 1000} s`;
    } catch (error) {
      return isAbsent(error) ? "vanished before it was read" : (error as Error).message;
    }
  }
}
