import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { rm } from "node:fs/promises";

export interface ProgramStart {
  arguments: readonly string[];
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

export interface KeptProgram {
  /** The first part of what it printed on stdout and stderr. */
  output(): string;
  hasEnded(): boolean;
  /** Kills it and removes its directory. */
  stop(): Promise<void>;
}

/**
 * Starts a server, and removes its directory when it stops. It never outlives this process: a shell kills it when file
 * descriptor 3 closes, which the operating system does even when this process is killed.
 */
export function keepProgram(binary: string, start: ProgramStart, directory: string): KeptProgram {
  const { arguments: args, ...options } = start;
  const windows = process.platform === "win32";
  const child = windows
    ? spawn(binary, args, { ...options, stdio: ["ignore", "pipe", "pipe"] })
    : spawn("/bin/sh", ["-c", KEEPER, "keeper", directory, binary, ...args], {
        ...options,
        stdio: ["ignore", "pipe", "pipe", "pipe"],
      });
  if (windows) endWithUs(child, directory);
  let said = "";
  child.once("error", (error) => (said += error.message));
  for (const output of [child.stdout, child.stderr])
    output?.setEncoding("utf8").on("data", (text: string) => {
      if (said.length < 20_000) said += text;
    });
  // A test that forgets `stop` must still be able to end.
  child.unref();
  for (const stream of child.stdio) (stream as { unref?: () => void } | null)?.unref?.();

  const hasEnded = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    if (!hasEnded()) {
      child.ref();
      const ended = once(child, "exit");
      if (windows) child.kill("SIGKILL");
      child.stdio[3]?.destroy();
      await ended;
    }
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  return { output: () => said, hasEnded, stop: () => (stopped ??= stop()) };
}

/** The shell ignores SIGINT in background jobs, so Ctrl-C does not stop the server before this process ends. */
const KEEPER = `
  home=$1; shift
  "$@" & server=$!
  { cat <&3; kill -KILL $server; rm -rf "$home"; } >/dev/null 2>&1 &
  wait $server
`;

/** For Windows, which has no such shell: when this process is killed there, the server stays. */
function endWithUs(child: ChildProcess, directory: string): void {
  process.once("exit", () => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
}
