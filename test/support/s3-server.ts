import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { S3 } from "@aws-sdk/client-s3";
import { keepProgram, type ProgramStart } from "./keeper.ts";
import { findS3Binary, programOf } from "./server-binaries.ts";
import { sharedServers } from "./shared-servers.ts";
import { PATIENCE } from "./wait.ts";

/** Which server is used: one that we did not start, one of the real servers, or the emulator from npm. */
export type S3ServerKind = "given" | "versitygw" | "weed" | "fauxqs";

export interface S3Server {
  readonly kind: S3ServerKind;
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** An SDK client for this server, to store blobs that feedctl itself never would. */
  readonly client: S3;
  createBucket(name: string): Promise<void>;
  /** Stops the server; on a shared one, empties and deletes the buckets that `createBucket` made. */
  stop(): Promise<void>;
}

const region = "us-east-1";
const ownKeys = { accessKey: "feedctl-test-access", secretKey: "feedctl-test-secret-value" };

/**
 * Which server `startS3` uses, without starting it: FEEDCTL_TEST_S3_ENDPOINT (with _ACCESS_KEY and _SECRET_KEY), else
 * the one that the test runner started, else what `findS3Binary` finds, else the emulator fauxqs.
 */
export function s3ServerKind(): S3ServerKind {
  if (process.env["FEEDCTL_TEST_S3_ENDPOINT"]) return "given";
  const shared = sharedServers().s3;
  if (shared !== undefined) return shared.kind;
  const binary = findS3Binary();
  return binary === undefined ? "fauxqs" : programOf(binary);
}

/**
 * The server that `s3ServerKind` names. One that is started here is empty, and listens on a free port of the loopback
 * interface.
 */
export async function startS3(): Promise<S3Server> {
  const given = process.env["FEEDCTL_TEST_S3_ENDPOINT"];
  if (given) {
    const accessKey = process.env["FEEDCTL_TEST_S3_ACCESS_KEY"] ?? "";
    const secretKey = process.env["FEEDCTL_TEST_S3_SECRET_KEY"] ?? "";
    return describe("given", given, { accessKey, secretKey });
  }
  const shared = sharedServers().s3;
  if (shared !== undefined) return describe(shared.kind, shared.endpoint, ownKeys);
  const binary = findS3Binary();
  return binary === undefined ? startFauxqs() : startOwnS3(binary);
}

/** Starts a program for one test file alone. `versions`: its buckets can keep versions; versitygw only. */
export async function startOwnS3(binary: string, { versions = false } = {}): Promise<S3Server> {
  // Another process may bind the free port before the server does.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startBinary(binary, versions);
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }
}

function describe(
  kind: S3ServerKind,
  endpoint: string,
  keys: { accessKey: string; secretKey: string },
  /** Absent for a shared server. */
  end?: () => Promise<void>,
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
      // A bucket that cannot be deleted, for example because of an unfinished upload, ends with our own server.
      const dropping = end === undefined ? made.splice(0).map((name) => dropBucket(client, name)) : [];
      if (kind === "given") await Promise.all(dropping);
      else await Promise.allSettled(dropping);
      client.destroy();
      await end?.();
    },
  };
}

async function dropBucket(client: S3, Bucket: string): Promise<void> {
  for (;;) {
    const page = await client.listObjectsV2({ Bucket });
    const Objects = (page.Contents ?? []).map(({ Key }) => ({ Key }));
    if (Objects.length > 0) await client.deleteObjects({ Bucket, Delete: { Objects, Quiet: true } });
    if (!page.IsTruncated) break;
  }
  await client.deleteBucket({ Bucket });
}

async function startFauxqs(): Promise<S3Server> {
  const { startFauxqs: start } = await import("fauxqs");
  const server = await start({ port: 0, host: "127.0.0.1", logger: false });
  return describe("fauxqs", `http://127.0.0.1:${server.port}`, ownKeys, () => server.stop());
}

async function startBinary(binary: string, versions: boolean): Promise<S3Server> {
  const directory = await mkdtemp(join(tmpdir(), "feedctl-s3-"));
  const kind = programOf(binary);
  const ports = await freePorts(kind === "weed" ? 8 : 1);
  const prepare = kind === "weed" ? prepareWeed : prepareVersitygw;
  const program = keepProgram(binary, await prepare(directory, ports, versions), directory);
  const server = describe(kind, `http://127.0.0.1:${ports[0]}`, ownKeys, program.stop);
  try {
    await untilReady(server.client, program.hasEnded, kind);
  } catch (error) {
    await server.stop();
    throw new Error(`${basename(binary)} did not start: ${program.output().trim()}`, { cause: error });
  }
  return server;
}

async function prepareVersitygw(directory: string, [port]: number[], versions: boolean): Promise<ProgramStart> {
  const data = join(directory, "data");
  const kept = join(directory, "versions");
  await Promise.all([mkdir(data), mkdir(kept)]);
  const env = { ...process.env, ROOT_ACCESS_KEY: ownKeys.accessKey, ROOT_SECRET_KEY: ownKeys.secretKey };
  const flags = ["--port", `127.0.0.1:${port}`, "--region", region, "--keep-alive", "--quiet"];
  const backend = versions ? ["posix", "--versioning-dir", kept, data] : ["posix", data];
  return { arguments: [...flags, ...backend], env };
}

async function prepareWeed(directory: string, ports: number[]): Promise<ProgramStart> {
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
  return { arguments: ["mini", ...flags], cwd: directory };
}

/** Waits until listing the buckets succeeds, and on weed a write as well, since its volumes start later. */
async function untilReady(client: S3, hasEnded: () => boolean, kind: S3ServerKind): Promise<void> {
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
      if (hasEnded() || Date.now() > deadline) throw error;
      await sleep(25);
    }
  }
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
