// Measures whether workers on other machines speed up a migration, and whether it survives their failures:
//   node test/bench/workers.ts [blobs = 20000] [blobs for the throughput = 12000] [milliseconds that the store is away
// = 40]
// Each worker runs in a network namespace of its own, where that is permitted.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpus, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { binary, isolation } from "../support/feedctl.ts";
import { openDatabase, type Installation } from "../support/databases.ts";
import { fillFeed } from "../support/many-files.ts";
import { dump } from "../support/migrations.ts";
import { until } from "../support/wait.ts";
import { createNetwork, type NetworkNamespace } from "../support/namespaces.ts";
import { startS3 } from "../support/s3-server.ts";
import { startSlowProxy } from "../support/slow-proxy.ts";

const [blobs = 20_000, share = 12_000, away = 40] = process.argv.slice(2).map(Number);
const network = createNetwork(3);
if (typeof network === "string")
  console.log(`SKIPPED: workers on a network of their own (${network}); all on one machine`);
const machines: (NetworkNamespace | undefined)[] =
  typeof network === "string" ? Array.from({ length: 3 }) : [...network.machines];
const host = typeof network === "string" ? "127.0.0.1" : network.host;

await using database = await openDatabase("PostgreSQL");
assert.ok(database !== undefined, "no PostgreSQL on this machine");
const s3 = await startS3();
const store = await startSlowProxy(s3.endpoint, 0, host);
const children = new Set<ChildProcess>();
try {
  const [{ version = "" } = {}] = await (await install()).rows("select current_setting('server_version') as version");
  console.log(
    `${cpus().length} cores, ${Math.round(totalmem() / 1024 ** 3)} GiB, Node ${process.version}, ${s3.kind}, PostgreSQL ${String(version)}`,
  );
  await survive();
  await measure();
} finally {
  for (const child of children) child.kill("SIGKILL");
  await store.stop();
  await s3.stop();
  if (typeof network !== "string") network.remove();
}

/** A catalog that is also reached through the network. */
async function install(): Promise<Installation> {
  const keys = { TEST_ACCESS_KEY: s3.accessKey, TEST_SECRET_KEY: s3.secretKey };
  return database!.install(keys);
}

interface Farm extends AsyncDisposable {
  place: Installation;
  to: string[];
  bucket: string;
  /** Starts feedctl on a machine by its index, or on this one. */
  start(args: readonly string[], machine?: number): ChildProcess & { said: () => string };
}

async function prepare(bucket: string, count: number): Promise<Farm> {
  const place = await install();
  await s3.createBucket(bucket);
  const url = new URL(place.env["FEEDCTL_DATABASE_URL"]!);
  const catalog = await startSlowProxy(`http://127.0.0.1:${url.port}`, 0, host);
  await place.run("feed", "create", "web", "--type", "npm");
  await place.run("store", "set", "web", "disk", "--path", place.path("first"));
  await fillFeed(url.href, "web", place.path("first"), count, { size: 1000 });
  url.host = `${host}:${catalog.port}`;
  const keys = ["--access-key", "env:TEST_ACCESS_KEY", "--secret-key", "env:TEST_SECRET_KEY"];
  return {
    place,
    bucket,
    to: ["s3", "--bucket", bucket, "--endpoint", store.endpoint, "--path-style", ...keys],
    start(args, machine) {
      const enter = (machine === undefined ? undefined : machines[machine])?.enter ?? [];
      const [program = "", ...words] = [...enter, process.execPath, binary, ...args];
      const data = place.path(`data-${machine ?? "here"}`);
      const env = {
        ...isolation(place.directory),
        ...place.env,
        FEEDCTL_DATABASE_URL: url.href,
        FEEDCTL_DATA_DIR: data,
        FEEDCTL_KEY_FILE: place.path("key"),
      };
      const child = spawn(program, words, { env, stdio: ["ignore", "pipe", "pipe"] });
      children.add(child);
      let said = "";
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4000)));
      child.once("exit", () => children.delete(child));
      return Object.assign(child, { said: () => said });
    },
    async [Symbol.asyncDispose]() {
      await catalog.stop();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** Names, sizes and hashes of the objects in a bucket. */
async function contents(bucket: string): Promise<string[]> {
  const found: string[] = [];
  for (let token: string | undefined; ;) {
    const page = await s3.client.listObjectsV2({ Bucket: bucket, ContinuationToken: token });
    found.push(...(page.Contents ?? []).map(({ Key, Size, ETag }) => `${Key} ${Size} ${ETag}`));
    token = page.NextContinuationToken;
    if (token === undefined) return found;
  }
}

async function ended(child: ChildProcess & { said: () => string }, code: number): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.equal(child.exitCode, code, child.said());
}

/** Three workers: one is killed, one is stopped for a while, one loses its network for a while. */
async function survive(): Promise<void> {
  await using alone = await prepare("alone", blobs);
  await ended(alone.start(["migrate", "run", "web", "--to", ...alone.to, "--alone"]), 0);

  await using farm = await prepare("shared", blobs);
  const { place } = farm;
  const rows = await dump(place);
  const worker = (machine: number) => farm.start(["worker", "--json"], machine);
  store.delay = 10;
  const [killed, stopped, cut] = [worker(0), worker(1), worker(2)];
  const main = farm.start(["migrate", "start", "web", "--to", ...farm.to]);
  const ranges = () =>
    place.rows(`select r.number, r.claim, r.finished_at is not null as finished, w.id as worker
      from feedctl.migration_ranges r left join feedctl.workers w on w.id = r.worker_id`);
  const busy = async () => new Set((await ranges()).flatMap((row) => (row["worker"] === null ? [] : [row["worker"]])));
  await until("three workers have begun", async () => (await busy()).size === 3);
  const since = performance.now();
  const seconds = () => `${((performance.now() - since) / 1000).toFixed(0)} s`;
  killed.kill("SIGKILL");
  stopped.kill("SIGSTOP");
  machines[2]?.connect(false);
  console.log(`one worker killed, one stopped${machines[2] ? ", one cut off from the network" : ""}`);
  await sleep(25_000);
  stopped.kill("SIGCONT");
  machines[2]?.connect(true);
  console.log(`after ${seconds()}: continued${machines[2] ? ", and connected again" : ""}`);
  await ended(main, 0);
  console.log(`after ${seconds()}: all is copied`);
  for (const left of [stopped, cut]) left.kill("SIGTERM");
  await ended(farm.start(["migrate", "cutover", "web"]), 0);
  assert.deepEqual(await dump(place), rows);
  assert.deepEqual(await contents("shared"), await contents("alone"));
  const verified = (await place.run("verify", "web", "--json")).summary();
  assert.partialDeepStrictEqual(verified, { match: blobs, differ: 0, missingBlob: 0, missingRow: 0, unchecked: 0 });
  console.log(`${blobs} blobs: rows, names, sizes and hashes are those of a run in one process`);
}

/** The process that runs the migration copies too: with two workers, three processes work. */
async function measure(): Promise<void> {
  store.delay = away;
  const rates: number[] = [];
  for (const helpers of [0, 1, 2]) {
    await using farm = await prepare(`rate-${helpers}`, share);
    const workers = Array.from({ length: helpers }, (_, machine) => farm.start(["worker", "--json"], machine));
    await sleep(3000);
    await ended(farm.start(["migrate", "start", "web", "--to", ...farm.to]), 0);
    for (const worker of workers) worker.kill("SIGTERM");
    await Promise.all(workers.map((worker) => ended(worker, 0)));
    const client = new pg.Client({ connectionString: farm.place.env["FEEDCTL_DATABASE_URL"] });
    await client.connect();
    const { rows } = await client.query<{ seconds: number }>(
      "select extract(epoch from finished_at - started_at)::float8 as seconds from feedctl.migration_passes where number = 1",
    );
    await client.end();
    const rate = share / rows[0]!.seconds;
    rates.push(rate);
    const ratio = (rate / rates[0]!).toFixed(2);
    console.log(`${helpers + 1} at work, store ${away} ms away: ${rate.toFixed(0)} blobs/s, ${ratio} x one`);
  }
}
