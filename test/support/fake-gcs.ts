import { spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { findIn, findOnPath, testCache } from "./server-binaries.ts";

const VERSION = "v1.56.1";

/** Why tests are skipped where `startFakeGcs` finds no server. */
export const noFakeGcs = `no fake-gcs-server on this machine; install it with: go install github.com/fsouza/fake-gcs-server@${VERSION}`;

export interface FakeGcs {
  readonly endpoint: string;
  createBucket(name: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts an in-memory emulator of Google Cloud Storage: FEEDCTL_TEST_GCS_BINARY, else the one that CI has cached, else
 * the one on PATH. Undefined when none is installed.
 */
export async function startFakeGcs(): Promise<FakeGcs | undefined> {
  const binary = findBinary();
  if (binary === undefined) return undefined;
  // Another process may bind the free port before the server does.
  for (let tries = 1; ; tries++) {
    const server = await start(binary, await freePort());
    if (server !== undefined) return server;
    if (tries === 3) throw new Error(`${binary} did not start`);
  }
}

function findBinary(): string | undefined {
  const named = process.env["FEEDCTL_TEST_GCS_BINARY"];
  if (named) return named;
  return findOnPath("fake-gcs-server") ?? findIn(testCache(`fake-gcs-server-${VERSION}`), "fake-gcs-server");
}

async function start(binary: string, port: number): Promise<FakeGcs | undefined> {
  const endpoint = `http://127.0.0.1:${port}`;
  const flags = ["-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-log-level", "error"];
  const child = spawn(binary, [...flags, "-port", String(port), "-external-url", endpoint], { stdio: "ignore" });
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("error", () => {}); // seen by `isReady`: it has no pid
  child.unref();
  if (!(await isReady(child, endpoint))) {
    kill();
    return undefined;
  }
  return {
    endpoint,
    async createBucket(name) {
      const headers = { "content-type": "application/json" };
      const body = JSON.stringify({ name });
      const answer = await fetch(`${endpoint}/storage/v1/b?project=test`, { method: "POST", headers, body });
      if (!answer.ok) throw new Error(`the bucket ${name} was not made: ${await answer.text()}`);
    },
    async stop() {
      process.removeListener("exit", kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.ref();
      kill();
      await ended;
    },
  };
}

async function isReady(child: ChildProcess, endpoint: string): Promise<boolean> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(25)) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false;
    const answer = await fetch(`${endpoint}/_internal/healthcheck`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return true;
  }
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
