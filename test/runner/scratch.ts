import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const memoryDisk = "/dev/shm";
const prefix = "feedctl-tests-";
const needed = 4 * 1024 ** 3;

export interface Scratch extends Disposable {
  /** Which disk it is, for the summary. */
  line: string;
  /** The environment of a test file. */
  envOf(file: string): NodeJS.ProcessEnv;
}

/**
 * The temporary directory of the whole run, and the compile cache that its processes share. Where Linux has a memory disk
 * with room, it lies there: a test's catalog is about 1,000 small files, and creating them on a real disk is a third of the
 * CPU time of the suite. The tests of the disk store keep the real disk, and TMPDIR in the environment wins.
 */
export function openScratch(): Scratch {
  const own = process.env["TMPDIR"];
  const path = makeFolder();
  process.env["TMPDIR"] = path;
  // Coverage needs functions that were compiled from source.
  const cache = process.env["NODE_V8_COVERAGE"] ? {} : { NODE_COMPILE_CACHE: join(path, "compile-cache") };
  return {
    line: `temporary files: ${path.startsWith(memoryDisk) ? `the memory disk ${memoryDisk}` : path}`,
    envOf: (file) => ({ ...process.env, ...cache, TMPDIR: file.startsWith("test/stores/disk/") ? own : path }),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

function makeFolder(): string {
  const inMemory = process.env["TMPDIR"] === undefined && hasMemoryDisk();
  if (inMemory) removeLeftovers();
  const path = mkdtempSync(join(inMemory ? memoryDisk : tmpdir(), `${prefix}${process.pid}-`));
  // As /tmp: PostgreSQL does not run as root, so other users must get at their files here.
  chmodSync(path, 0o1777);
  return path;
}

/** With room, and able to run programs: PostgreSQL's may have to be copied to where its user can read them. */
function hasMemoryDisk(): boolean {
  try {
    const { bavail, bsize } = statfsSync(memoryDisk);
    const mount = readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .find((line) => line.split(" ")[1] === memoryDisk);
    return mount !== undefined && !mount.includes("noexec") && bavail * bsize >= needed && availableMemory() >= needed;
  } catch {
    return false; // not Linux
  }
}

/** What a memory disk can take before the machine swaps. */
function availableMemory(): number {
  const [, kilobytes = "0"] = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

/** A run that was killed leaves its files in memory. */
function removeLeftovers(): void {
  for (const name of readdirSync(memoryDisk)) {
    const pid = name.startsWith(prefix) ? Number(name.slice(prefix.length).split("-")[0]) : undefined;
    if (pid !== undefined && !isAlive(pid)) rmSync(join(memoryDisk, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
