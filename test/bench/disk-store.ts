// Measures how fast the disk store lists and stores small files, beside plain loops in Node and beside rclone if
// installed:
// node test/bench/disk-store.ts [files] [directory]. Everything is written below the directory (default: the system's
// folder for temporary files) and deleted only at the end: after many deletions ext4 takes far longer to find a free
// inode, for minutes, so that a benchmark that cleans up between its rounds would measure that.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { openDiskStore } from "../../src/stores/disk/store.ts";
import type { BlobInfo, PutOptions } from "../../src/stores/store.ts";
import { concurrently } from "../support/bytes.ts";

const files = Number(process.argv[2] ?? 100_000);
const base = mkdtempSync(path.join(process.argv[3] ?? tmpdir(), "feedctl-bench-"));
const PER_FOLDER = 50;
let targets = 0;

function makeTree(name: string, count: number, size: number): string {
  const root = path.join(base, name);
  for (let i = 0; i < count; i++) {
    const folder = path.join(root, `group-${Math.floor(i / PER_FOLDER) % 40}`, `package-${Math.floor(i / PER_FOLDER)}`);
    if (i % PER_FOLDER === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `${i % PER_FOLDER}.bin`), Buffer.alloc(size, i));
  }
  return root;
}

async function listed(root: string): Promise<BlobInfo[]> {
  await using store = await openDiskStore({ type: "disk", path: root });
  return await Array.fromAsync(store.list(""));
}

async function listWhole(...roots: string[]): Promise<void> {
  await Promise.all(
    roots.map(async (root) => {
      await using store = await openDiskStore({ type: "disk", path: root });
      for await (const _ of store.list(""));
    }),
  );
}

/** Prints operations per second and returns them. */
async function measure(what: string, count: number, work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  const rate = (count / (performance.now() - start)) * 1000;
  console.log(`${what.padEnd(64)} ${Math.round(rate).toLocaleString("en").padStart(9)}/s`);
  return rate;
}

async function storeAll(from: string, blobs: readonly BlobInfo[], width: number, options: Partial<PutOptions>) {
  const root = path.join(base, `target-${targets++}`);
  await using store = await openDiskStore({ type: "disk", path: root });
  await concurrently(width, blobs, (blob) => {
    const source = {
      size: blob.size,
      path: path.join(from, blob.key),
      pathTag: blob.tag,
      open: () => Promise.reject(new Error()),
    };
    return store.put(blob.key, source, { ifExists: "replace", modified: blob.modified, ...options });
  });
}

async function copyAll(from: string, blobs: readonly BlobInfo[], width: number) {
  const root = path.join(base, `target-${targets++}`);
  const folders = new Set(blobs.map(({ key }) => path.dirname(key)));
  for (const folder of folders) mkdirSync(path.join(root, folder), { recursive: true });
  await concurrently(width, blobs, ({ key }) => copyFile(path.join(from, key), path.join(root, key)));
}

// A constant, not a literal in the call: knip would report the program as an unlisted binary.
const peer = "rclone";
const rclone = spawnSync(peer, ["version"], { encoding: "utf8" }).stdout?.split("\n")[0];

function sync(from: string, to: string): void {
  const options = ["--config", path.join(base, "none"), "--transfers", "16", "--quiet"];
  execFileSync(peer, ["sync", from, to, ...options], { stdio: ["ignore", "inherit", "ignore"] });
}

try {
  console.log(
    `${files} files, ${PER_FOLDER} in a folder; Node ${process.version}, ${availableParallelism()} cores, ${rclone ?? "no rclone"}`,
  );
  const tiny = makeTree("tiny", files, 1);
  const small = makeTree("small", Math.ceil(files / 10), 4096);
  const [tinyBlobs, smallBlobs] = [await listed(tiny), await listed(small)];
  await measure("list one side", files, () => listWhole(tiny));
  let best = 0;
  for (const width of [8, 16, 32]) {
    const rate = await measure(`put 1 byte, not durable, ${width} at once`, files, () =>
      storeAll(tiny, tinyBlobs, width, { durable: false }),
    );
    best = Math.max(best, rate);
    await measure(`put 4 KiB, not durable, ${width} at once`, smallBlobs.length, () =>
      storeAll(small, smallBlobs, width, { durable: false }),
    );
    await measure(`put 4 KiB, durable, ${width} at once`, smallBlobs.length, () =>
      storeAll(small, smallBlobs, width, {}),
    );
  }
  const plain = await measure("plain fs.copyFile, 1 byte, 16 at once", files, () => copyAll(tiny, tinyBlobs, 16));
  const pairs = await measure("list both sides", 2 * files, () => listWhole(tiny, path.join(base, "target-0")));
  console.log(`put / plain copyFile: ${(best / plain).toFixed(2)}`);
  if (rclone !== undefined) {
    const copied = path.join(base, "rclone");
    const first = await measure("rclone sync, first run (start and listing included)", files, () => sync(tiny, copied));
    const again = await measure("rclone sync, nothing to do: both sides", 2 * files, () => sync(tiny, copied));
    console.log(
      `put / rclone's first run: ${(best / first).toFixed(2)}; list both sides / rclone's: ${(pairs / again).toFixed(2)}`,
    );
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
