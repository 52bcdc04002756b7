/**
 * How many attempts random tests make, as a multiple of those in a test run. A test run repeats the same seeds, so that
 * it fails only because of a change; `npm run campaign` raises the effort and uses new seeds.
 */
const effort = Number(process.env["FEEDCTL_TEST_EFFORT"] ?? 1);
const seed = Number(process.env["FEEDCTL_TEST_SEED"] ?? 1);

/** `few` attempts, multiplied by the effort. */
export function attempts(few: number): number {
  return Math.ceil(few * effort);
}

/** A seed for tests without fast-check: the same in each test run, different in each campaign. */
export function firstSeed(usual: number): number {
  return usual + seed - 1;
}

/** Parameters of a fast-check property with `few` runs, multiplied by the effort. */
export function randomly(few: number): { numRuns: number; seed: number } {
  return { numRuns: attempts(few), seed };
}
