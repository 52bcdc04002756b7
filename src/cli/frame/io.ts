import type { Readable } from "node:stream";

/** The process as the command line uses it. Tests pass their own. */
export interface Io {
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  stdin: Readable & { isTTY?: boolean; setRawMode?: (mode: boolean) => unknown };
  env: Readonly<Record<string, string | undefined>>;
  platform: NodeJS.Platform;
  pid: number;
  cwd: string;
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
  now(): Date;
  /** Milliseconds on a clock that nobody sets. Default: the process's. */
  monotonic?: (() => number) | undefined;
  /** Waits on that clock. Default: the process's timers. */
  sleep?: ((milliseconds: number) => Promise<void>) | undefined;
}
