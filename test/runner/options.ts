import { parseArgs } from "node:util";

export interface RunnerOptions {
  /** Test files, or folders of them. Empty: all tests. */
  paths: string[];
  /** Prints every test and everything that the files print. */
  verbose: boolean;
  /** Uses the S3 emulator even where a real server is installed. */
  emulator: boolean;
  /** How many files run at once; undefined: as many as suit the machine. */
  concurrency: number | undefined;
  /** How long one test may take, in milliseconds. */
  timeout: number;
  /** How long a file's process may live after its last test, in milliseconds. */
  grace: number;
}

export const usage = `usage: npm test -- [--verbose] [--s3 emulator] [--concurrency N] [--timeout SECONDS] [--grace SECONDS] [PATH...]
PATH is a test file or a folder of them; without one all tests run.`;

/** Throws when the arguments are wrong. */
export function parseRunnerOptions(args: readonly string[]): RunnerOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      verbose: { type: "boolean", default: false },
      s3: { type: "string" },
      concurrency: { type: "string" },
      timeout: { type: "string", default: "600" },
      grace: { type: "string", default: "180" },
    },
  });
  if (values.s3 !== undefined && values.s3 !== "emulator")
    throw new Error(`--s3 must be "emulator", not "${values.s3}"`);
  return {
    paths: positionals,
    verbose: values.verbose,
    emulator: values.s3 === "emulator",
    concurrency: values.concurrency === undefined ? undefined : positive("concurrency", values.concurrency),
    timeout: positive("timeout", values.timeout) * 1000,
    grace: positive("grace", values.grace) * 1000,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} must be a positive number, not "${text}"`);
  return value;
}
