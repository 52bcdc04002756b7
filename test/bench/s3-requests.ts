// Measures how many small S3 requests a second one process makes: feedctl's client beside the SDK, in turns, on the S3
// server of the tests and on a plain HTTP server that does nothing, which shows the limit of the client.
import { fork } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { S3 } from "@aws-sdk/client-s3";
import { parseKey } from "../../src/stores/key.ts";
import { openS3Store } from "../../src/stores/s3/store.ts";
import { connectS3 } from "../../src/stores/s3/client.ts";
import type { S3Config } from "../../src/stores/s3/config.ts";
import { concurrently, readAll, sha256, someBytes } from "../support/bytes.ts";
import { startS3 } from "../support/s3-server.ts";

const ROUNDS = 3;
const WIDTH = 64;
const LISTED = 20_000;
/** Keys on the plain server, whose pages cost nothing: enough that warming up does not count. */
const LISTED_PLAIN = 100_000;
const body = someBytes(4096);
const digest = sha256(body);
/** Given to the SDK; feedctl computes it itself. */
const md5 = hash("md5", body, "base64");

if (process.argv[2] === "serve") serve();
else await measure();

/** The plain server. It runs in a process of its own, so that its CPU time does not count as the client's. */
function serve(): void {
  const pages = Array.from({ length: LISTED_PLAIN / 1000 }, (_, index) => pageOf(index, LISTED_PLAIN / 1000));
  const server = createServer((request, response) => {
    request.resume().once("end", () => {
      const { searchParams } = new URL(request.url!, "http://host");
      if (searchParams.has("list-type")) response.end(pages[Number(searchParams.get("continuation-token"))]);
      else if (request.method === "PUT") response.writeHead(200, { etag: '"e"', "content-length": "0" }).end();
      else response.writeHead(200, { "content-length": String(body.length) }).end(body);
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1", () => process.send!((server.address() as { port: number }).port));
  process.once("disconnect", () => process.exit());
}

function pageOf(index: number, count: number): string {
  const contents = Array.from({ length: 1000 }, (_, i) => {
    const name = `feeds/npm/some-package/${String(index * 1000 + i).padStart(8, "0")}.tgz`;
    return `<Contents><Key>${name}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>&quot;9dd4e461268c8034f5c8564e155c67a6-2&quot;</ETag><Size>12345</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  const last = index + 1 === count;
  const more = last ? "" : `<NextContinuationToken>${index + 1}</NextContinuationToken>`;
  const head = `<EncodingType>url</EncodingType><KeyCount>1000</KeyCount><IsTruncated>${!last}</IsTruncated>${more}`;
  return `<?xml version="1.0"?><ListBucketResult>${head}${contents.join("")}</ListBucketResult>`;
}

interface Subject {
  name: string;
  put(key: string): Promise<unknown>;
  get(key: string): Promise<unknown>;
  list(): Promise<number>;
}

async function subjects(config: S3Config) {
  const { endpoint, bucket } = config;
  const client = new S3({
    endpoint: endpoint!,
    region: config.region!,
    forcePathStyle: true,
    credentials: { accessKeyId: config.accessKey!, secretAccessKey: config.secretKey! },
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    cacheMiddleware: true,
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: 256 } },
  });
  const connection = await connectS3(config);
  const store = await openS3Store(config);
  const sdk: Subject = {
    name: "SDK",
    put: (Key) => client.putObject({ Bucket: bucket, Key, Body: body, ContentLength: body.length, ContentMD5: md5 }),
    get: async (Key) => (await client.getObject({ Bucket: bucket, Key })).Body!.transformToByteArray(),
    async list() {
      let count = 0;
      let token: string | undefined;
      do {
        const more = token === undefined ? {} : { ContinuationToken: token };
        const page = await client.listObjectsV2({ Bucket: bucket, EncodingType: "url", ...more });
        count += page.Contents?.length ?? 0;
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return count;
    },
  };
  const own: Subject = {
    name: "feedctl",
    put: (key) => connection.calls.put(key, { bytes: body, sha256: digest }, {}, undefined),
    get: async (key) => readAll(await store.get(parseKey(key))),
    async list() {
      let count = 0;
      for await (const blob of store.list("")) count += blob.size > 0 ? 1 : 0;
      return count;
    },
  };
  const close = async () => {
    client.destroy();
    await connection.close();
    await store[Symbol.asyncDispose]();
  };
  return { all: [sdk, own], close };
}

function versionOf(name: string): string {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

interface Figure {
  rate: number;
  /** CPU time of this process per operation, in microseconds. */
  cpu: number;
}

async function timed(work: () => Promise<number>): Promise<Figure> {
  const before = process.cpuUsage();
  const start = performance.now();
  const count = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { rate: count / seconds, cpu: (user + system) / count };
}

async function compare(
  title: string,
  all: readonly Subject[],
  work: (subject: Subject) => Promise<number>,
): Promise<void> {
  const figures = all.map(() => [] as Figure[]);
  // the first round is for warming up
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, subject] of all.entries()) {
      const figure = await timed(() => work(subject));
      if (round > 0) figures[index]!.push(figure);
    }
  }
  const medians = figures.map((each) => each.toSorted((a, b) => a.rate - b.rate)[ROUNDS >> 1]!);
  all.forEach(({ name }, index) => {
    const { rate, cpu } = medians[index]!;
    console.log(
      `${title.padEnd(32)} ${name.padEnd(8)} ${rate.toFixed(0).padStart(8)}/s ${cpu.toFixed(1).padStart(8)} us CPU each`,
    );
  });
  const [sdk, own] = medians;
  console.log(
    `${title.padEnd(32)} ratio    ${(own!.rate / sdk!.rate).toFixed(1)} x the rate, ${(sdk!.cpu / own!.cpu).toFixed(1)} x less CPU`,
  );
}

async function requests(title: string, all: readonly Subject[], count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `bench/${i}`);
  for (const verb of ["put", "get"] as const) {
    await compare(`${title}: ${verb.toUpperCase()} 4 KiB, ${WIDTH} at once`, all, async (subject) => {
      await concurrently(WIDTH, keys, (key) => subject[verb](key));
      return count;
    });
  }
}

async function listing(title: string, all: readonly Subject[], expected: number): Promise<void> {
  await compare(`${title}: list ${expected} keys`, all, async (subject) => {
    const count = await subject.list();
    if (count !== expected) throw new Error(`${subject.name} listed ${count} keys`);
    return count;
  });
}

async function measure(): Promise<void> {
  const versions = ["undici", "@aws-sdk/client-s3"].map((name) => `${name} ${versionOf(name)}`).join(", ");
  console.log(`Node ${process.version}, ${versions}, ${cpus().length} CPUs`);
  const child = fork(fileURLToPath(import.meta.url), ["serve"]);
  const [port] = (await once(child, "message")) as [number];
  const keys = { region: "us-east-1", accessKey: "access", secretKey: "secret-key" };
  const plain = await subjects({
    type: "s3",
    bucket: "bench",
    endpoint: `http://127.0.0.1:${port}`,
    pathStyle: true,
    ...keys,
  });
  await requests("plain server", plain.all, 5000);
  await listing("plain server", plain.all, LISTED_PLAIN);
  await plain.close();
  child.disconnect();

  const server = await startS3();
  await server.createBucket("bench");
  const { endpoint, region, accessKey, secretKey } = server;
  const real = await subjects({ type: "s3", bucket: "bench", endpoint, region, accessKey, secretKey, pathStyle: true });
  await requests(server.kind, real.all, 3000);
  const [, own] = real.all;
  await concurrently(
    WIDTH,
    Array.from({ length: LISTED - 3000 }, (_, i) => `more/${i}`),
    (key) => own!.put(key),
  );
  await listing(server.kind, real.all, LISTED);
  await real.close();
  await server.stop();
}
