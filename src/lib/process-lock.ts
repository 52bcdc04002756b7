import { link, mkdir, readFile, rename, rm, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** The process that holds a lock file. */
export interface LockOwner {
  pid: number;
  host: string;
  /** Start time of the process by the kernel's clock, which detects a reused pid; empty if it cannot be read. */
  started: string;
}

export interface ProcessLock {
  release(): Promise<void>;
}

/**
 * Acquires a lock file, or returns the live process that holds it. The lock of a dead process on this host is taken
 * over. The file is created by linking a complete temporary file, so that a reader never sees it half written.
 */
export async function tryProcessLock(path: string): Promise<ProcessLock | LockOwner> {
  const mine: LockOwner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  const temp = `${path}.${process.pid}.${mine.started || Date.now()}`;
  try {
    await writeFile(temp, JSON.stringify(mine));
    for (;;) {
      try {
        await link(temp, path);
        return { release: () => unlink(path).catch(() => {}) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const owner = await readOwner(path);
      if (owner === undefined) continue; // released between link and read
      if (isAlive(owner)) return owner;
      await removeStale(path, owner);
    }
  } finally {
    await rm(temp, { force: true });
  }
}

/** Removes the lock of a dead process. Serialized by a directory: otherwise two processes could remove a new lock. */
async function removeStale(path: string, dead: LockOwner): Promise<void> {
  const gate = `${path}.takeover`;
  try {
    await mkdir(gate);
  } catch {
    const age = await stat(gate).then(
      (info) => Date.now() - info.mtimeMs,
      () => 0,
    );
    if (age > 10_000) await rmdir(gate).catch(() => {}); // its process died between two system calls
    await new Promise((resolve) => setTimeout(resolve, 20));
    return;
  }
  try {
    const now = await readOwner(path);
    if (now !== undefined && now.pid === dead.pid && now.started === dead.started) {
      await rename(path, `${path}.stale`);
      await rm(`${path}.stale`, { force: true });
    }
  } finally {
    await rmdir(gate).catch(() => {});
  }
}

async function readOwner(path: string): Promise<LockOwner | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const noOwner = { pid: 0, host: hostname(), started: "" };
  try {
    const { pid, host, started = "" } = JSON.parse(text) as Partial<LockOwner>;
    return typeof pid === "number" && typeof host === "string" ? { pid, host, started } : noOwner;
  } catch {
    return noOwner; // not written by feedctl
  }
}

function isAlive(owner: LockOwner): boolean {
  if (owner.host !== hostname()) return true; // a process of another host cannot be checked: never take over its lock
  if (owner.pid <= 0) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const started = startOf(owner.pid);
  return started === "" || owner.started === "" || started === owner.started;
}

/** Field 22 of /proc/PID/stat (proc(5)); empty without /proc. The command name in field 2 may contain spaces. */
function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
