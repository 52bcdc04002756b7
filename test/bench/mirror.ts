// Measures feedctl mirror beside rclone and s5cmd, in turns: node test/bench/mirror.ts [disk|s3|objects|large|keys
// ...].
// Prints seconds, processor time, peak memory and ratios; asserts nothing. Skips peers that are not on PATH.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startS3, type S3Server } from "../support/s3-server.ts";

const root = join(import.meta.dirname, "../..");
const place = mkdtempSync(join(tmpdir(), "feedctl-bench-"));
const wanted = process.argv.slice(2);
const has = (program: string) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
const peers = { rclone: has("rclone"), s5cmd: has("s5cmd") };

interface Measured {
  seconds: number;
  /** Processor time of user and system, in seconds. */
  cpu: number;
  /** Peak memory in MiB. */
  memory: number;
}

/** Hundredths of a second, on every Linux that Node runs on. */
const TICKS = 100;

/** Runs a command to its end. Memory and processor time are those of /proc, polled while it runs. */
async function measure(command: string, args: string[], env: Record<string, string> = {}): Promise<Measured> {
  const started = performance.now();
  const child = spawn(command, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, AWS_CA_BUNDLE: undefined, FEEDCTL_DATA_DIR: join(place, "data"), ...env },
  });
  let memory = 0;
  let cpu = 0;
  let talk = "";
  child.stderr.on("data", (chunk) => (talk += String(chunk)));
  const watch = setInterval(() => {
    try {
      const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
      memory = Math.max(memory, Number(peak ?? 0) / 1024);
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      cpu = Math.max(cpu, (Number(fields[11]) + Number(fields[12])) / TICKS);
    } catch {
      // it has ended
    }
  }, 20);
  const status = await new Promise((resolve) => child.on("close", resolve));
  clearInterval(watch);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${String(status)}: ${talk.slice(-500)}`);
  return { seconds: (performance.now() - started) / 1000, cpu, memory };
}

const feedctl = (args: string[], env?: Record<string, string>) =>
  measure(process.execPath, [join(root, "bin/feedctl.js"), "mirror", ...args, "--quiet", "--yes"], env);

function report(title: string, results: Record<string, Measured>): void {
  const mine = results["feedctl"] as Measured;
  for (const [name, { seconds, cpu, memory }] of Object.entries(results)) {
    const [wall, work] = [(mine.seconds / seconds).toFixed(2), (mine.cpu / cpu).toFixed(2)];
    const ratio = name === "feedctl" ? "" : `  feedctl takes ${wall} of its time, ${work} of its CPU`;
    const figures = [`${seconds.toFixed(2)} s`, `${cpu.toFixed(2)} s CPU`, `${memory.toFixed(0)} MiB`];
    console.log(`${title.padEnd(42)} ${name.padEnd(8)} ${figures.map((each) => each.padStart(11)).join(" ")}${ratio}`);
  }
}

function makeFiles(directory: string, count: number, size: (index: number) => number): void {
  for (let i = 0; i < count; i++) {
    const folder = join(directory, `d${Math.floor(i / 50)}`);
    if (i % 50 === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `f${i}`), Buffer.alloc(size(i), i % 251));
  }
}

type Run = () => Promise<Measured>;

/**
 * The median time and peak memory of each run over `rounds`. Runs take turns, so that load on the machine hits all
 * alike.
 */
async function inTurns(runs: Record<string, Run>, rounds = 5): Promise<Record<string, Measured>> {
  const all = Object.keys(runs).map((name) => ({ name, measured: [] as Measured[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { name, measured } of all) measured.push(await (runs[name] as Run)());
  }
  return Object.fromEntries(
    all.map(({ name, measured }) => {
      const median = (values: number[]) => values.sort((x, y) => x - y)[Math.floor(rounds / 2)] as number;
      const memory = Math.max(...measured.map((each) => each.memory));
      const seconds = median(measured.map((each) => each.seconds));
      return [name, { seconds, cpu: median(measured.map((each) => each.cpu)), memory }];
    }),
  );
}

const rcloneSync = (source: string, target: string, env?: Record<string, string>, more: string[] = []) =>
  measure("rclone", ["--config", join(place, "none"), "--quiet", "sync", source, target, ...more], env);

// Deletes nothing before the end: after deletions ext4 is slow to find free inodes for minutes, for every program.
async function disk(): Promise<void> {
  const source = join(place, "small");
  makeFiles(source, 100_000, () => 1);
  const target = (name: string) => join(place, `small-${name}`);
  const runs: Record<string, Run> = { feedctl: () => feedctl([source, target("feedctl")]) };
  if (peers.rclone) {
    runs["rclone"] = () => rcloneSync(source, target("rclone"), undefined, ["--transfers", "16", "--checkers", "16"]);
  }
  report("disk -> disk, 100,000 files, first run", await inTurns(runs, 1));
  report("disk -> disk, 100,000 files, no-op", await inTurns(runs));
}

/** A million keys on both sides, and nothing to do: memory must not grow with the number of keys. */
async function keys(): Promise<void> {
  const [source, target] = [join(place, "million"), join(place, "million-copy")];
  for (const each of [source, target]) makeFiles(each, 1_000_000, () => 1);
  await feedctl([source, target]); // sets equal times on both sides
  const runs: Record<string, Run> = { feedctl: () => feedctl([source, target]) };
  if (peers.rclone) runs["rclone"] = () => rcloneSync(source, target);
  report("disk -> disk, 1,000,000 files, no-op", await inTurns(runs, 3));
}

/** 100,000 objects: a hundred pages of a listing. */
async function objects(): Promise<void> {
  await using server = await stoppable();
  const { credentials, end, remote } = s3Arguments(server.s3);
  const source = join(place, "objects");
  makeFiles(source, 100_000, () => 1);
  await server.s3.createBucket("objects");
  const runs: Record<string, Run> = {
    feedctl: () => feedctl([source, "s3://objects", ...end("target")], credentials),
  };
  await runs["feedctl"]?.();
  if (peers.rclone) {
    await server.s3.createBucket("objects-rclone");
    // its first run uses more transfers, to save time; the measured runs use its defaults
    await rcloneSync(source, `${remote}objects-rclone`, credentials, ["--transfers", "32"]);
    runs["rclone"] = () => rcloneSync(source, `${remote}objects-rclone`, credentials);
  }
  report("disk -> S3, 100,000 objects, no-op", await inTurns(runs, 3));
}

function s3Arguments(s3: S3Server) {
  const credentials = {
    S3_AK: s3.accessKey,
    S3_SK: s3.secretKey,
    AWS_ACCESS_KEY_ID: s3.accessKey,
    AWS_SECRET_ACCESS_KEY: s3.secretKey,
    AWS_REGION: s3.region,
  };
  const end = (side: string) => [
    `--${side}-endpoint`,
    s3.endpoint,
    `--${side}-region`,
    s3.region,
    `--${side}-path-style`,
    `--${side}-access-key`,
    "env:S3_AK",
    `--${side}-secret-key`,
    "env:S3_SK",
  ];
  const remote = `:s3,provider=Other,env_auth=true,endpoint="${s3.endpoint}",force_path_style=true,region=${s3.region}:`;
  return { credentials, end, remote };
}

/** 10,000 small blobs, in three rounds: an upload to a new bucket, the same again, and a download to a new directory. */
async function blobs(): Promise<void> {
  await using server = await stoppable();
  const { credentials, end, remote } = s3Arguments(server.s3);
  const source = join(place, "blobs");
  makeFiles(source, 10_000, (i) => 4096 + ((i * 7919) % 61_440));
  const steps = {
    up: "disk -> S3, 10,000 blobs of 4-64 KiB",
    noop: "the same again, no-op",
    down: "S3 -> disk, the same",
  };
  const rounds = new Map<string, number>();
  const runOf = (name: string, step: keyof typeof steps) => async () => {
    const round = (rounds.get(name + step) ?? 0) + 1;
    rounds.set(name + step, round);
    const bucket = `bench-${name}-${round}`;
    if (step === "up") await server.s3.createBucket(bucket);
    const back = join(place, `back-${name}-${round}`);
    mkdirSync(back, { recursive: true });
    const runs: Record<string, (() => Promise<Measured>)[]> = {
      feedctl: [
        () => feedctl([source, `s3://${bucket}`, ...end("target")], credentials),
        () => feedctl([`s3://${bucket}`, back, ...end("source")], credentials),
      ],
      rclone: [
        () => measure("rclone", ["sync", source, `${remote}${bucket}`, "--transfers", "32"], credentials),
        () => measure("rclone", ["sync", `${remote}${bucket}`, back, "--transfers", "32"], credentials),
      ],
      s5cmd: [
        () =>
          measure(
            "s5cmd",
            ["--endpoint-url", server.s3.endpoint, "sync", `${source}/`, `s3://${bucket}/`],
            credentials,
          ),
        () =>
          measure("s5cmd", ["--endpoint-url", server.s3.endpoint, "sync", `s3://${bucket}/*`, `${back}/`], credentials),
      ],
    };
    const [upload, download] = runs[name] as [() => Promise<Measured>, () => Promise<Measured>];
    return step === "down" ? download() : upload();
  };
  const names = ["feedctl", ...(peers.rclone ? ["rclone"] : []), ...(peers.s5cmd ? ["s5cmd"] : [])];
  for (const [step, title] of Object.entries(steps) as [keyof typeof steps, string][])
    report(title, await inTurns(Object.fromEntries(names.map((name) => [name, runOf(name, step)])), 3));
}

async function large(): Promise<void> {
  await using server = await stoppable();
  const { credentials, end, remote } = s3Arguments(server.s3);
  const source = join(place, "large");
  mkdirSync(source);
  const chunk = Buffer.alloc(64 * 1024 * 1024, 7);
  for (let i = 0; i < 32; i++) writeFileSync(join(source, "blob"), chunk, { flag: "a" });
  const up: Record<string, Measured> = {};
  for (const name of ["feedctl", ...(peers.rclone ? ["rclone"] : []), ...(peers.s5cmd ? ["s5cmd"] : [])]) {
    const bucket = `large-${name}`;
    await server.s3.createBucket(bucket);
    if (name === "feedctl") up[name] = await feedctl([source, `s3://${bucket}`, ...end("target")], credentials);
    if (name === "rclone")
      up[name] = await measure("rclone", ["sync", source, `${remote}${bucket}`, "--s3-chunk-size", "16M"], credentials);
    if (name === "s5cmd")
      up[name] = await measure(
        "s5cmd",
        ["--endpoint-url", server.s3.endpoint, "sync", `${source}/`, `s3://${bucket}/`],
        credentials,
      );
  }
  report("disk -> S3, one blob of 2 GiB", up);
}

async function stoppable() {
  const s3 = await startS3();
  console.log(`S3 server: ${s3.kind}`);
  return { s3, [Symbol.asyncDispose]: () => s3.stop() };
}

try {
  const all = { disk, s3: blobs, objects, large, keys };
  for (const [name, run] of Object.entries(all)) if (wanted.length === 0 || wanted.includes(name)) await run();
} finally {
  rmSync(place, { recursive: true, force: true });
}
