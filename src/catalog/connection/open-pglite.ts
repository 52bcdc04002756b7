import { existsSync, lstatSync, readlinkSync, realpathSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Kysely, PGliteDialect } from "kysely";
import { FeedctlError } from "../../errors.ts";
import { isDiskFull } from "../../lib/files/disk-full.ts";
import { syncFolder, flushTree } from "../../lib/files/flush.ts";
import { isPrivate, makePrivate } from "../../lib/files/private-tree.ts";
import { lockOwnerName, tryProcessLock, type ProcessLock } from "../../lib/files/process-lock.ts";
import type { Catalog, CatalogLock } from "./catalog.ts";
import { checkKeys } from "./check-keys.ts";
import { wrapDialect } from "./dialect.ts";
import { createDataDirectory, refuseForeign } from "./data-directory.ts";
import { translateCatalogError } from "./errors.ts";
import { LOCK, startPglite, wasShutDown } from "./start-pglite.ts";
import { unpackSnapshot } from "./unpack-snapshot.ts";
import type { Tables } from "../schema/core.ts";

export interface EmbeddedOptions {
  /** Directory of the installation; the catalog is its subdirectory `catalog`. */
  dataDir: string;
  /** Dump of a migrated data directory, which saves the first use an initdb (2.5 s). The file may be missing. */
  snapshot: string;
  /** Milliseconds to wait for another process. */
  wait: number;
  onWait?: (message: string) => void;
  signal?: AbortSignal | undefined;
}

/** Only one process at a time opens the embedded catalog, so every lock is granted. */
const held: CatalogLock = { proofs: [], async assertHeld() {}, async [Symbol.asyncDispose]() {} };

/**
 * Opens the embedded catalog, and creates it on first use. Only one process at a time may open it. A lock file beside
 * the data protects the creation. A second one among the data protects the data: somebody who deletes the first one
 * does not let a second process in, and a catalog that links lead to from two data directories has one lock. Throws
 * `locked` when another process still has it after `wait`, and `denied` when another user owns it. A query or commit
 * that returns is on the disk.
 */
export async function openPglite(options: EmbeddedOptions): Promise<Catalog> {
  const dir = join(options.dataDir, "catalog");
  createDataDirectory(options.dataDir);
  const locks = [await waitForLock(`${dir}.lock`, options)];
  const release = async () => {
    for (const lock of locks.toReversed()) await lock.release();
  };
  try {
    refuseDanglingLink(dir);
    if (existsSync(dir)) await prepare(dir);
    else await create(dir, options.snapshot);
    const real = realpathSync(dir); // PGlite cannot open a link
    // After `prepare`, which opens every file: closing one drops the locks that this process has on it.
    locks.push(await waitForLock(join(real, LOCK), options));
    const server = await startPglite(real);
    const dialect = new PGliteDialect({ pglite: server.client });
    const db = new Kysely<Tables>({ dialect: wrapDialect(dialect, true), plugins: [checkKeys] }).withSchema("feedctl");
    return {
      kind: "pglite",
      location: dir,
      db,
      async lock() {
        return held;
      },
      async script(text) {
        try {
          return await server.exec(text);
        } catch (error) {
          throw translateCatalogError(error);
        }
      },
      async [Symbol.asyncDispose]() {
        try {
          await db.destroy();
          await server.close();
        } finally {
          await release();
        }
      },
    };
  } catch (error) {
    await release();
    if (isDiskFull(error)) throw diskFull(options.dataDir, error);
    throw error instanceof FeedctlError
      ? error
      : new FeedctlError(
          "unavailable",
          `the embedded catalog at ${dir} cannot be opened: ${(error as Error).message}`,
          {
            cause: error,
            hint: "restore the directory from a backup, or use PostgreSQL through FEEDCTL_DATABASE_URL",
          },
        );
  }
}

/** The disk that it leads to may not be mounted. A new catalog in its place would look like the old one, emptied. */
function refuseDanglingLink(dir: string): void {
  if (existsSync(dir) || lstatSync(dir, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new FeedctlError(
    "unavailable",
    `the embedded catalog ${dir} is a link to ${readlinkSync(dir)}, which does not exist`,
    {
      hint: "mount its disk, or correct the link",
    },
  );
}

/**
 * Creates the catalog under a temporary name and renames it when it is on the disk, so that a crash does not leave an
 * incomplete catalog.
 */
async function create(dir: string, snapshot: string): Promise<void> {
  const temp = `${dir}.creating`;
  await rm(temp, { recursive: true, force: true });
  try {
    if (existsSync(snapshot)) await unpackSnapshot(snapshot, temp);
    else await (await startPglite(temp)).close();
    makePrivate(temp);
    await flushTree(temp);
    await rename(temp, dir);
    await syncFolder(dirname(dir));
  } catch (error) {
    await rm(temp, { recursive: true, force: true });
    throw error;
  }
}

function diskFull(dataDir: string, cause: unknown): FeedctlError {
  return new FeedctlError("full", `no space is left for the embedded catalog in ${dataDir}`, {
    cause,
    hint: "free space on that disk, or choose another data directory with FEEDCTL_DATA_DIR",
  });
}

/**
 * Prepares an existing catalog. After a kill its last changes may be in memory only. So may be all changes of an older
 * feedctl, which flushed nothing and left the directory open to others.
 */
async function prepare(dir: string): Promise<void> {
  // PGlite would create an empty database here, and a damaged catalog would look like a new one
  if (!existsSync(join(dir, "PG_VERSION"))) throw new Error("it holds no database");
  refuseForeign(dir);
  if (!isPrivate(dir) || !wasShutDown(dir)) await flushTree(dir);
  makePrivate(dir);
}

async function waitForLock(path: string, options: EmbeddedOptions): Promise<ProcessLock> {
  const deadline = performance.now() + options.wait;
  let reported = false;
  for (;;) {
    options.signal?.throwIfAborted();
    let answer;
    try {
      answer = await tryProcessLock(path);
    } catch (error) {
      if (isDiskFull(error)) throw diskFull(options.dataDir, error);
      throw new FeedctlError("denied", `the lock file ${path} cannot be written: ${(error as Error).message}`, {
        cause: error,
        hint: "choose another data directory with FEEDCTL_DATA_DIR",
      });
    }
    if ("release" in answer) return answer;
    const owner = lockOwnerName(answer);
    if (performance.now() >= deadline) {
      throw new FeedctlError("locked", `the embedded catalog is in use by ${owner}`, {
        hint: "try again later; several processes at once need PostgreSQL (FEEDCTL_DATABASE_URL)",
      });
    }
    if (!reported) options.onWait?.(`waiting for the embedded catalog, in use by ${owner}`);
    reported = true;
    await sleep(100, undefined, { signal: options.signal });
  }
}
