import { join } from "node:path";
import { run } from "node:test";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { repository } from "../support/build.ts";

export interface TestResult {
  /** With the names of the suites and tests around it. */
  name: string;
  outcome: "passed" | "failed" | "skipped";
  milliseconds: number;
  /** Why it was skipped. */
  reason?: string | undefined;
  /** The error of a failed test, with its stack. */
  error?: string | undefined;
}

export interface FileResult {
  file: string;
  tests: TestResult[];
  /** What is wrong with the file as a whole: it crashed, hung, or holds no test. */
  problem?: string | undefined;
  /** What the file printed, without the middle of a very long text. */
  output: string;
  milliseconds: number;
}

export interface RunFileOptions {
  timeout: number;
  /** How long the process may live after its last test. */
  grace: number;
  env: NodeJS.ProcessEnv;
  /** Ends the run. */
  signal: AbortSignal;
}

type Events = ReturnType<typeof run>;
type TestEvent = Events extends AsyncIterable<infer Event> ? Event : never;
interface TestData {
  name: string;
  nesting: number;
  skip?: string | boolean | undefined;
  todo?: string | boolean | undefined;
  details: { duration_ms: number; type?: string; error?: Error & { failureType?: string; exitCode?: number | null } };
}

const preload = pathToFileURL(join(import.meta.dirname, "preload.js")).href;

/** Runs one test file in a process of its own. Its failures are part of the result; it never throws. */
export async function runFile(file: string, options: RunFileOptions): Promise<FileResult> {
  const started = performance.now();
  const path = join(repository, file);
  const cut = new AbortController();
  const record = recorder(path);
  let hang: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const watch = (milliseconds: number, problem: () => string) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      hang = problem();
      cut.abort();
    }, milliseconds);
  };
  // The process ends a test after `timeout` itself, unless it is too busy to.
  const watchTests = () =>
    watch(options.timeout + options.grace, () => `hangs${during(record.running())} and was cut after its time`);
  watchTests();
  const events = run({
    files: [path],
    isolation: "process",
    concurrency: 1,
    timeout: options.timeout,
    execArgv: ["--import", preload],
    env: options.env,
    signal: AbortSignal.any([cut.signal, options.signal]),
  });
  for await (const event of events as AsyncIterable<TestEvent>) {
    record.add(event);
    if (event.type === "test:stdout" || event.type === "test:stderr" || hang !== undefined) continue;
    if (record.isIdle()) watch(options.grace, () => "does not end, though its tests have: something is left open");
    else watchTests();
  }
  clearTimeout(timer);
  const { tests, output, problem } = record.result();
  return { file, tests, output, problem: hang ?? problem, milliseconds: performance.now() - started };
}

function during(running: readonly string[]): string {
  return running.length === 0 ? "" : ` in "${running.join('", "')}"`;
}

/** Turns the events of one file into its result. */
function recorder(path: string) {
  const tests: TestResult[] = [];
  const names: string[] = [];
  const running: { name: string; nesting: number }[] = [];
  let waiting = 0;
  const output = boundedText(200_000);
  let problem: string | undefined;
  let reported = false;

  function addResult(data: TestData): void {
    const { error, duration_ms: milliseconds, type } = data.details;
    if (data.nesting === 0 && data.name === path) {
      // a passed file without tests is reported as one test of that name
      if (error === undefined && !reported) problem = "holds no test";
      else if (error !== undefined && error.failureType !== "subtestsFailed") problem = problemOf(error);
      return;
    }
    reported = true;
    const name = [...names.slice(0, data.nesting), data.name].join(" > ");
    const failed = error !== undefined && data.todo === undefined;
    // a suite counts only for what is its own, such as a hook that failed
    if (error?.failureType === "subtestsFailed" || (type === "suite" && !failed && data.skip === undefined)) return;
    if (failed) tests.push({ name, outcome: "failed", milliseconds, error: describeError(error) });
    else if (data.skip !== undefined)
      tests.push({ name, outcome: "skipped", milliseconds, reason: reasonOf(data.skip) });
    else if (data.todo !== undefined) tests.push({ name, outcome: "skipped", milliseconds, reason: "to do" });
    else tests.push({ name, outcome: "passed", milliseconds });
  }

  return {
    add(event: TestEvent): void {
      if (event.type === "test:stdout" || event.type === "test:stderr") return output.add(event.data.message);
      if (event.type === "test:start") names[event.data.nesting] = event.data.name;
      if (event.type === "test:enqueue" && event.data.name !== path) waiting++;
      if (event.type === "test:dequeue" && event.data.name !== path) running.push(event.data);
      if (event.type === "test:complete" && event.data.name !== path) {
        waiting--;
        const { name, nesting } = event.data;
        const index = running.findIndex((one) => one.name === name && one.nesting === nesting);
        if (index >= 0) running.splice(index, 1);
      }
      if (event.type === "test:pass" || event.type === "test:fail") addResult(event.data);
    },
    /** Whether all tests that were registered so far have ended. */
    isIdle: () => reported && waiting === 0,
    /** The innermost tests that have begun and not ended. */
    running(): string[] {
      const depth = Math.max(...running.map(({ nesting }) => nesting));
      return running.filter(({ nesting }) => nesting === depth).map(({ name }) => name);
    },
    result: () => ({ tests, problem, output: output.text() }),
  };
}

function reasonOf(skip: string | boolean): string {
  return typeof skip === "string" && skip !== "" ? skip : "no reason given";
}

function problemOf(error: NonNullable<TestData["details"]["error"]>): string {
  if (typeof error.exitCode === "number") return `crashed: its process ended with status ${error.exitCode}`;
  const { signal } = error as { signal?: unknown };
  return typeof signal === "string" ? `crashed: its process was ended by ${signal}` : `crashed: ${error.message}`;
}

function describeError(error: Error): string {
  const cause: unknown = error.cause ?? error.message;
  if (typeof cause === "string") return cause;
  return inspect(cause).replaceAll(/\n\s+at .*node:(?:internal|async_hooks).*?(?= \{$|$)/gm, "");
}

/** Keeps the beginning and the end. */
function boundedText(limit: number) {
  let head = "";
  let tail = "";
  let left = 0;
  return {
    add(text: string): void {
      const room = Math.max(0, limit / 2 - head.length);
      head += text.slice(0, room);
      tail += text.slice(room);
      if (tail.length > limit) {
        left += tail.length - limit / 2;
        tail = tail.slice(-limit / 2);
      }
    },
    text: () => (left === 0 ? head + tail : `${head}\n[... ${left} characters left out ...]\n${tail}`),
  };
}
