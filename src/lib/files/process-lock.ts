import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import type { DatabaseSync } from "node:sqlite";

/** The process that holds a lock file, as it wrote itself down. For messages only: the operating system decides. */
export interface LockOwner {
  /** In the owner's own PID namespace; undefined when the owner is unknown. */
  pid: number | undefined;
  host: string;
}

export interface ProcessLock {
  release(): Promise<void>;
}

// https://www.sqlite.org/rescode.html
const BUSY = 5;
const NO_DATABASE = 26;

/**
 * The lock files that this process holds, by device and inode. POSIX drops a process's locks on a file as soon as the
 * process closes any descriptor of it, so this process must not open a file that it holds a second time.
 */
const held = new Map<string, LockOwner>();

/**
 * Acquires a lock file, or returns the process that holds it. The lock is one of the operating system on the file, which
 * Node offers through SQLite only: it ends with its process, however that ends, and works between containers and PID
 * namespaces, and over network file systems that support locks. The file is deleted when the lock is released.
 */
export async function tryProcessLock(path: string): Promise<ProcessLock | LockOwner> {
  for (;;) {
    const before = statSync(path, { bigint: true, throwIfNoEntry: false });
    const own = before && held.get(identity(before));
    if (own !== undefined) return own;
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
    let lock: DatabaseSync | undefined;
    let kept = false;
    try {
      lock = lockExclusively(path, file);
      if (lock === undefined) return ownerOf(file);
      // The last holder may have deleted the file meanwhile: a lock on a deleted file excludes nobody. While `file` is
      // open, its inode is not reused, so SQLite has locked the same file when the path still leads to it.
      const id = identity(fstatSync(file, { bigint: true }));
      const after = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (after === undefined || identity(after) !== id) continue;
      const mine = keep(path, file, lock, id);
      kept = true;
      return mine;
    } finally {
      if (!kept) {
        lock?.close();
        closeSync(file);
      }
    }
  }
}

/** For messages. */
export function lockOwnerName({ pid, host }: LockOwner): string {
  return pid === undefined ? "another process" : `process ${pid} on ${host}`;
}

function keep(path: string, file: number, lock: DatabaseSync, id: string): ProcessLock {
  const owner = { pid: process.pid, host: hostname() };
  try {
    ftruncateSync(file);
    writeSync(file, JSON.stringify(owner), 0);
  } catch (error) {
    unlinkSync(path); // a full disk: nobody else has the lock
    throw error;
  }
  held.set(id, owner);
  return {
    async release() {
      if (!held.delete(id)) return;
      try {
        const now = statSync(path, { bigint: true, throwIfNoEntry: false });
        // another process may have the lock of a file that has replaced a deleted one
        if (now !== undefined && identity(now) === id) unlinkSync(path);
      } catch {
        // Windows deletes no open file. A file that stays is not locked, and the next process takes it.
      }
      lock.close();
      closeSync(file);
    },
  };
}

/** Returns undefined when another process has the lock. */
function lockExclusively(path: string, file: number): DatabaseSync | undefined {
  const { DatabaseSync } = loadSqlite();
  for (;;) {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path);
      // In memory: the transaction writes nothing, but its journal would be a second file.
      database.exec("pragma journal_mode = memory; begin exclusive");
      return database;
    } catch (error) {
      database?.close();
      const code = (error as { errcode?: number }).errcode;
      if (code === BUSY) return undefined;
      if (code !== NO_DATABASE) throw error;
      // The owner of a killed process is still in the file. Nobody holds the lock, else it would have been busy.
      ftruncateSync(file);
    }
  }
}

function ownerOf(file: number): LockOwner {
  try {
    const { pid, host } = JSON.parse(readFileSync(file, "utf8")) as Partial<LockOwner>;
    if (typeof pid === "number" && typeof host === "string") return { pid, host };
  } catch {
    // Its owner has not written itself down yet.
  }
  return { pid: undefined, host: "" };
}

function identity({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`;
}

/** Node 22 prints a warning that SQLite is experimental. Its file locks are not. */
function loadSqlite(): typeof import("node:sqlite") {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    const sqlite = process.getBuiltinModule("node:sqlite");
    if (sqlite === undefined) throw new Error("this build of Node.js has no node:sqlite");
    return sqlite;
  } finally {
    process.emitWarning = emitWarning;
  }
}
