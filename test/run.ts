// Runs the tests: npm test -- [options] [PATH...]. See README.md beside this file.
import { availableParallelism } from "node:os";
import { freshBuild } from "./support/build.ts";
import { findTestFiles, longestFirst, readDurations, writeDurations } from "./runner/files.ts";
import { parseRunnerOptions, type RunnerOptions, usage } from "./runner/options.ts";
import { reportFile, reportSummary, totalsOf } from "./runner/report.ts";
import { type FileResult, runFile } from "./runner/run-file.ts";
import { openScratch, type Scratch } from "./runner/scratch.ts";
import { startServers } from "./runner/servers.ts";

const interrupted = new AbortController();

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader has closed the pipe, as in `npm test | head`. The exit status still reports the result.
  if (error.code !== "EPIPE") throw error;
});
for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)
  process.on(signal, () => {
    if (interrupted.signal.aborted) process.exit(status);
    process.exitCode = status;
    interrupted.abort();
  });

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function parse(): { options: RunnerOptions; files: string[] } | undefined {
  try {
    const options = parseRunnerOptions(process.argv.slice(2));
    return { options, files: findTestFiles(options.paths) };
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n${usage}\n`);
    return undefined;
  }
}

/** Several files at once; each is reported when it has ended. */
async function runFiles(
  files: readonly string[],
  options: RunnerOptions & { scratch: Scratch },
): Promise<FileResult[]> {
  const results: FileResult[] = [];
  const queue = files.values();
  const worker = async () => {
    for (const file of queue) {
      if (interrupted.signal.aborted) return;
      const env = options.scratch.envOf(file);
      const result = await runFile(file, { ...options, env, signal: interrupted.signal });
      if (interrupted.signal.aborted) return;
      results.push(result);
      reportFile(result, options.verbose, print);
    }
  };
  // Tests wait for servers and processes about a third of their time.
  const concurrency = options.concurrency ?? availableParallelism() + 1;
  await Promise.all(Array.from({ length: concurrency }, worker));
  return results;
}

/** The exit status. */
async function main(): Promise<number> {
  const parsed = parse();
  if (parsed === undefined) return 2;
  const { options, files } = parsed;
  await freshBuild();
  const durations = readDurations();
  using scratch = openScratch();
  await using servers = await startServers(files, options, print);
  print(`uses ${scratch.line}`);
  const results = await runFiles(longestFirst(files, durations), { ...options, scratch });
  if (interrupted.signal.aborted) {
    print("\ninterrupted");
    return Number(process.exitCode);
  }
  for (const { file, milliseconds, problem } of results) if (problem === undefined) durations[file] = milliseconds;
  writeDurations(durations);
  reportSummary(results, [...servers.lines, scratch.line], print);
  const { passed, failed } = totalsOf(results);
  return failed > 0 || passed === 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`error: the tests could not run: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
