/**
 * How much random tests try, as a multiple of what a test run affords. A test run repeats the same seeds, so that it
 * fails only because of a change; `npm run campaign` raises the effort and takes seeds that nobody has tried.
 */
const effort = Number(process.env["FEEDCTL_TEST_EFFORT"] ?? 1);
const seed = Number(process.env["FEEDCTL_TEST_SEED"] ?? 1);

/** A number of attempts that the effort multiplies. */
export function attempts(few: number): number {
  return Math.ceil(few * effort);
}

/** A seed for attempts that are not fast-check's: the same in each test run, another in each campaign. */
export function firstSeed(usual: number): number {
  return usual + seed - 1;
}

/** The parameters of a fast-check property of so many runs. */
export function randomly(few: number): { numRuns: number; seed: number } {
  return { numRuns: attempts(few), seed };
}
