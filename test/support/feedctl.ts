import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freshBuild, repository } from "./build.ts";
import { PATIENCE } from "./wait.ts";

export const binary = join(repository, "bin", "feedctl.js");

/** One for all tests: a sandbox is a home of its own, in which every process would compile feedctl anew. */
export const compileCache = join(repository, "node_modules", ".cache", "feedctl-compiled");

export interface FeedctlOptions {
  /** Added to PATH and the isolation; nothing else of this process's environment reaches feedctl. */
  env?: Record<string, string | undefined> | undefined;
  /** Content of stdin; empty by default. */
  input?: string | Uint8Array | undefined;
  cwd?: string | undefined;
  /** Aborting it sends Ctrl-C (SIGINT). */
  signal?: AbortSignal | undefined;
  /** Arguments for Node itself, before the binary. */
  nodeArguments?: readonly string[] | undefined;
}

export interface FeedctlResult {
  /** Null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
  /** stdout as one JSON document. */
  json(): unknown;
  /** stdout, line by line. */
  lines(): string[];
  /** stdout as NDJSON. */
  events(): Record<string, unknown>[];
  /** The last line of stdout as JSON. */
  summary(): Record<string, unknown>;
}

export interface RunningFeedctl {
  readonly child: ChildProcess;
  readonly finished: Promise<FeedctlResult>;
  /** The output on stdout and stderr so far. */
  said(): string;
  /** Resolves when stdout or stderr contains `text`; rejects when feedctl ends without it. */
  shows(text: string): Promise<void>;
}

/** A directory for one test, which is deleted when the test ends. */
export interface Sandbox extends AsyncDisposable {
  readonly directory: string;
  /** FEEDCTL_DATA_DIR. */
  readonly data: string;
  path(...segments: string[]): string;
  /** Runs feedctl in this directory. */
  feedctl(args: readonly string[], options?: FeedctlOptions): Promise<FeedctlResult>;
  /** The same, without waiting for its end: for tests that interrupt or kill it. */
  start(args: readonly string[], options?: FeedctlOptions): Promise<RunningFeedctl>;
}

export async function sandbox(env: Record<string, string | undefined> = {}): Promise<Sandbox> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "feedctl-test-")));
  const data = join(directory, "data");
  const start = (args: readonly string[], options: FeedctlOptions = {}) =>
    startFeedctl(args, { cwd: directory, ...options, env: { ...isolation(directory), ...env, ...options.env } });
  return {
    directory,
    data,
    path: (...segments) => join(directory, ...segments),
    start,
    feedctl: async (args, options) => (await start(args, options)).finished,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Runs the real binary once, in a temporary sandbox. */
export async function feedctl(args: readonly string[], options?: FeedctlOptions): Promise<FeedctlResult> {
  await using place = await sandbox();
  return await place.feedctl(args, options);
}

/** An environment without the user's configuration and the machine's credentials. */
export function isolation(home: string): Record<string, string | undefined> {
  const passed = ["PATH", "TMPDIR", "TEMP", "TMP", "SystemRoot", "NODE_V8_COVERAGE"];
  return {
    ...Object.fromEntries(passed.map((name) => [name, process.env[name]])),
    HOME: home,
    USERPROFILE: home,
    APPDATA: home,
    LOCALAPPDATA: home,
    FEEDCTL_DATA_DIR: join(home, "data"),
    AWS_EC2_METADATA_DISABLED: "true",
    // A slow machine must not add lines to what feedctl prints.
    FEEDCTL_PROGRESS_INTERVAL: "3600",
    NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? compileCache,
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
  };
}

async function startFeedctl(args: readonly string[], options: FeedctlOptions): Promise<RunningFeedctl> {
  await freshBuild();
  const child = spawn(process.execPath, [...(options.nodeArguments ?? []), binary, ...args], {
    cwd: options.cwd,
    env: options.env,
    stdio: "pipe",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // feedctl may end without having read its stdin
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");

  const interrupt = () => child.kill("SIGINT");
  options.signal?.addEventListener("abort", interrupt, { once: true });
  // A hanging feedctl fails its test instead of the whole run.
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, PATIENCE);

  const finished = new Promise<FeedctlResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", interrupt);
      if (timedOut) reject(new Error(`feedctl ${args.join(" ")} hangs; it said:\n${stdout}${stderr}`));
      else resolve(resultOf(code, stdout, stderr));
    });
  });
  const shows = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (stdout.includes(text) || stderr.includes(text)) resolve();
      };
      child.stdout.on("data", look);
      child.stderr.on("data", look);
      child.once("close", () => reject(new Error(`feedctl ended without "${text}"; it said:\n${stdout}${stderr}`)));
      look();
    });
  return { child, finished, said: () => stdout + stderr, shows };
}

export function resultOf(code: number | null, stdout: string, stderr: string): FeedctlResult {
  const lines = () => stdout.split("\n").slice(0, -1);
  const parse = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new assert.AssertionError({
        message: `no JSON: ${text}\nexit status ${code}, stderr: ${stderr}\n${String(cause)}`,
      });
    }
  };
  return {
    code,
    stdout,
    stderr,
    lines,
    json: () => parse(stdout),
    events: () => lines().map((line) => parse(line) as Record<string, unknown>),
    summary: () => parse(lines().at(-1) ?? "") as Record<string, unknown>,
  };
}
