import { FeedctlError } from "../errors.ts";
import type { Context } from "./context.ts";

/** How far this machine's clock may differ from the catalog's before nothing is deleted by age. */
const TOLERANCE = 5 * 60_000;

/**
 * Why nothing may be deleted by age: this machine's clock and that of the catalog's server differ, so at least one is
 * wrong, and it may be the server's. Undefined when they agree.
 */
export async function clockProblem(context: Context): Promise<FeedctlError | undefined> {
  const ahead = await context.clockAhead();
  if (Math.abs(ahead) <= TOLERANCE) return undefined;
  return new FeedctlError(
    "refused",
    `nothing is deleted by age: this machine's clock is ${inWords(ahead)} ${ahead > 0 ? "ahead of" : "behind"} the catalog's`,
    { hint: "set the clocks of this machine and of the database server (NTP)" },
  );
}

/**
 * Throws `refused` when this machine's clock differs from that of the catalog's server by more than a few minutes. A
 * dry run only reports that.
 */
export async function requireRightClock(context: Context, { dryRun = false } = {}): Promise<void> {
  const problem = await clockProblem(context);
  if (problem === undefined) return;
  if (!dryRun) throw problem;
  context.notice(`a run would be refused: ${problem.message}`);
}

function inWords(milliseconds: number): string {
  const minutes = Math.round(Math.abs(milliseconds) / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
