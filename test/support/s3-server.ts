import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, rmSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { S3 } from "@aws-sdk/client-s3";
import type { ContractCaseName } from "../stores/contract/contract.ts";
import { PATIENCE } from "./wait.ts";

/** Which program answers: a server that somebody else started, one of the real servers, or the emulator from npm. */
export type S3ServerKind = "given" | "versitygw" | "weed" | "fauxqs";

export interface S3Server {
  readonly kind: S3ServerKind;
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** The SDK's client of this server, for putting there what feedctl itself never would. */
  readonly client: S3;
  createBucket(name: string): Promise<void>;
  /** Ends the server; on one that is not ours, empties and deletes the buckets that `createBucket` made. */
  stop(): Promise<void>;
}

const longName = "it keeps blobs as files, whose names have at most 255 bytes";
const notConditional = "it ignores If-None-Match";
const unordered = "it does not list in UTF-8 byte order, which feedctl refuses";
/** Contract cases that a server cannot pass, with the reason, which is printed as a skip. */
export const s3Lacks: Record<S3ServerKind, Partial<Record<ContractCaseName, string>>> = {
  given: {},
  versitygw: {
    "a key of 1,024 bytes in two segments": longName,
    "a blob that is described without a cache header has none": "a copy onto itself keeps headers that are left out",
  },
  weed: {
    "a key of 1,024 bytes in two segments": longName,
    "a key with a backslash": "it takes a backslash for a slash",
    "keys come in UTF-8 byte order": unordered,
    "a prefix is a string, not a folder": unordered,
    "of several creators of one large key exactly one wins":
      "it completes multipart uploads with If-None-Match without a lock",
  },
  fauxqs: {
    "composed and decomposed letters are different keys": unordered,
    "keys that differ only in case are different keys": unordered,
    "keys come in UTF-8 byte order": unordered,
    "of several creators of one key exactly one wins": notConditional,
    "of several creators of one large key exactly one wins": notConditional,
    "several creators with the same bytes all succeed": notConditional,
    "a source that is no longer the told version is corrupt, and nothing is visible":
      "it ignores x-amz-copy-source-if-match",
    "the URL of a blob, where one can be had, opens it for whoever holds it": "it accepts every signature",
  },
};

const region = "us-east-1";
const ownKeys = { accessKey: "feedctl-test-access", secretKey: "feedctl-test-secret-value" };

/**
 * Which server `startS3` takes, without starting it: FEEDCTL_TEST_S3_ENDPOINT (with _ACCESS_KEY and _SECRET_KEY), else
 * the program named by FEEDCTL_TEST_S3_BINARY, else `versitygw` or `weed` from PATH, else the emulator fauxqs.
 */
export function s3ServerKind(): S3ServerKind {
  if (process.env["FEEDCTL_TEST_S3_ENDPOINT"]) return "given";
  const binary = findBinary();
  return binary === undefined ? "fauxqs" : kindOf(binary);
}

function findBinary(): string | undefined {
  return process.env["FEEDCTL_TEST_S3_BINARY"] || findOnPath("versitygw") || findOnPath("weed");
}

function kindOf(binary: string): "versitygw" | "weed" {
  return basename(binary).startsWith("weed") ? "weed" : "versitygw";
}

/** Starts the server that `s3ServerKind` names, empty, on a free port of the loopback interface. */
export async function startS3(): Promise<S3Server> {
  const given = process.env["FEEDCTL_TEST_S3_ENDPOINT"];
  if (given) {
    const accessKey = process.env["FEEDCTL_TEST_S3_ACCESS_KEY"] ?? "";
    const secretKey = process.env["FEEDCTL_TEST_S3_SECRET_KEY"] ?? "";
    return describe("given", given, { accessKey, secretKey }, async () => {});
  }
  const binary = findBinary();
  if (!binary) return startFauxqs();
  // Another process may take a free port between our asking for it and the server's listening on it.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startBinary(binary);
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }
}

function describe(
  kind: S3ServerKind,
  endpoint: string,
  keys: { accessKey: string; secretKey: string },
  end: () => Promise<void>,
): S3Server {
  const client = new S3({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: keys.accessKey, secretAccessKey: keys.secretKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 1,
  });
  const made: string[] = [];
  return {
    kind,
    endpoint,
    region,
    ...keys,
    client,
    async createBucket(name) {
      await client.createBucket({ Bucket: name });
      made.push(name);
    },
    async stop() {
      if (kind === "given") for (const name of made.splice(0)) await dropBucket(client, name);
      client.destroy();
      await end();
    },
  };
}

async function dropBucket(client: S3, Bucket: string): Promise<void> {
  for (;;) {
    const page = await client.listObjectsV2({ Bucket });
    for (const { Key } of page.Contents ?? []) await client.deleteObject({ Bucket, Key: Key! });
    if (!page.IsTruncated) break;
  }
  await client.deleteBucket({ Bucket });
}

async function startFauxqs(): Promise<S3Server> {
  const { startFauxqs: start } = await import("fauxqs");
  const server = await start({ port: 0, host: "127.0.0.1", logger: false });
  return describe("fauxqs", `http://127.0.0.1:${server.port}`, ownKeys, () => server.stop());
}

async function startBinary(binary: string): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), "feedctl-s3-"));
  const kind = kindOf(binary);
  const ports = await freePorts(kind === "weed" ? 8 : 1);
  const child =
    kind === "weed" ? await spawnWeed(binary, directory, ports) : await spawnVersitygw(binary, directory, ports);
  const removeLeash = killWithUs(child, directory);
  const said: string[] = [];
  // A program that is not there is told by `untilReady`, not by an uncaught event.
  child.once("error", (error) => said.push(error.message));
  for (const output of [child.stdout!, child.stderr!]) {
    output.on("data", (chunk: Buffer) => void (said.length < 200 && said.push(chunk.toString())));
    (output as unknown as { unref?: () => void }).unref?.();
  }
  child.unref();
  const server = describe(kind, `http://127.0.0.1:${ports[0]}`, ownKeys, async () => {
    removeLeash();
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.ref();
      child.kill("SIGKILL");
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  });
  try {
    await untilReady(server.client, child, kind);
  } catch (error) {
    await server.stop();
    throw new Error(`${basename(binary)} did not start: ${said.join("").trim()}`, { cause: error });
  }
  return server;
}

async function spawnVersitygw(binary: string, directory: string, [port]: number[]): Promise<ChildProcess> {
  const data = join(directory, "data");
  await mkdir(data);
  const env = { ...process.env, ROOT_ACCESS_KEY: ownKeys.accessKey, ROOT_SECRET_KEY: ownKeys.secretKey };
  const flags = ["--port", `127.0.0.1:${port}`, "--region", region, "--keep-alive", "--quiet"];
  return spawn(binary, [...flags, "posix", data], { env, stdio: ["ignore", "pipe", "pipe"] });
}

async function spawnWeed(binary: string, directory: string, ports: number[]): Promise<ChildProcess> {
  const config = join(directory, "s3.json");
  const credentials = [{ accessKey: ownKeys.accessKey, secretKey: ownKeys.secretKey }];
  const actions = ["Admin", "Read", "List", "Tagging", "Write"];
  await writeFile(config, JSON.stringify({ identities: [{ name: "feedctl", credentials, actions }] }));
  const data = join(directory, "data");
  await mkdir(data);
  const services = ["s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc"];
  const portFlags = [...services, "filer.port", "filer.port.grpc"].map((name, i) => `-${name}=${ports[i]}`);
  const off = [
    "-s3.autoCreateBucket=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-webdav=false",
    "-admin.ui=false",
  ];
  const flags = [`-dir=${data}`, "-ip=127.0.0.1", "-ip.bind=127.0.0.1", `-s3.config=${config}`, ...portFlags, ...off];
  // Some of its services write into the working directory.
  return spawn(binary, ["mini", ...flags], { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
}

/** Listening is not enough: a list of the buckets must succeed, and on weed a write too (its volumes come later). */
async function untilReady(client: S3, child: ChildProcess, kind: S3ServerKind): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    try {
      await client.listBuckets({}, { requestTimeout: 2_000 });
      if (kind !== "weed") return;
      const probe = { Bucket: "ready-probe", Key: "probe" };
      await client.createBucket({ Bucket: probe.Bucket }).catch((error: Error) => {
        if (!error.name.startsWith("BucketAlready")) throw error;
      });
      await client.putObject({ ...probe, Body: "x" });
      await client.deleteObject(probe);
      return await client.deleteBucket({ Bucket: probe.Bucket }).then(() => {});
    } catch (error) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) throw error;
      if (Date.now() > deadline) throw error;
      await sleep(25);
    }
  }
}

/** The server must not outlive a test process that throws, exits or is stopped before it calls `stop`. */
function killWithUs(child: ChildProcess, directory: string): () => void {
  const kill = () => {
    child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  const onSignal = (signal: NodeJS.Signals) => {
    kill();
    process.kill(process.pid, signal);
  };
  process.once("exit", kill);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, onSignal);
  return () => {
    process.removeListener("exit", kill);
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.removeListener(signal, onSignal);
  };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function findOnPath(name: string): string | undefined {
  const file = process.platform === "win32" ? `${name}.exe` : name;
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, file))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
