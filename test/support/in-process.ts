import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import type { Io } from "../../src/cli/frame/io.ts";
import { freshBuild, repository } from "./build.ts";
import { compileCache, type FeedctlResult } from "./feedctl.ts";
import { PATIENCE } from "./wait.ts";

/** What a test does to the clocks of feedctl. */
export interface TestClock {
  /** Called when feedctl waits, with the milliseconds. Its clock jumps afterwards: no test waits for it. */
  onWait?: ((milliseconds: number) => void | Promise<void>) | undefined;
  /** By how many hours the clock of this machine is ahead of that of the file system. */
  hoursOff?: number | undefined;
}

let program = join("dist", "main.js");

/** Lets `runHere` run the sources from now on. The bundle has copies of the packages that a test replaces parts of. */
export function runSources(): void {
  program = join("src", "main.ts");
}

/**
 * Runs one command line in the built feedctl, inside this process, in a tenth of the time of a process. For setup and
 * checks; tests that interrupt, kill or measure need the real binary.
 */
export async function runHere(
  args: readonly string[],
  where: {
    env: Io["env"];
    cwd: string;
    /** Input that answers questions. With it feedctl believes that it runs on a terminal. */
    stdin?: Io["stdin"] | undefined;
    /** Content of a stdin that is not a terminal; empty by default. */
    input?: string | undefined;
    clock?: TestClock | undefined;
    /** Called with each chunk of stderr. */
    onTalk?: ((text: string) => void) | undefined;
  },
): Promise<Pick<FeedctlResult, "code" | "stdout" | "stderr">> {
  await freshBuild();
  // Otherwise each test file compiles feedctl and its drivers again.
  enableCompileCache(compileCache);
  // Code that reads the environment of the process must not find the user's configuration either.
  process.env["HOME"] = where.cwd;
  const { run } = (await import(pathToFileURL(join(repository, program)).href)) as typeof import("../../src/main.ts");
  const stdout = collector();
  const stderr = collector(where.onTalk);
  let jumped = 0;
  const hang = new AbortController();
  const timer = setTimeout(() => hang.abort(), PATIENCE);
  const code = await run(args, {
    env: where.env,
    cwd: where.cwd,
    stdout: stdout.stream,
    stderr: where.stdin === undefined ? stderr.stream : Object.assign(stderr.stream, { isTTY: true }),
    stdin: where.stdin ?? Readable.from(where.input ? [Buffer.from(where.input)] : []),
    platform: process.platform,
    pid: process.pid,
    signal: hang.signal,
    now: () => new Date(Date.now() + (where.clock?.hoursOff ?? 0) * 3_600_000),
    monotonic: () => performance.now() + jumped,
    sleep: async (milliseconds) => {
      await where.clock?.onWait?.(milliseconds);
      jumped += milliseconds;
    },
  }).finally(() => clearTimeout(timer));
  if (hang.signal.aborted)
    throw new Error(`feedctl ${args.join(" ")} hangs; it said:\n${stdout.text()}${stderr.text()}`);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collector(onText?: (text: string) => void): { stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      onText?.(chunk.toString());
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
