import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PGliteDialect } from "kysely";
import { FeedctlError } from "../../errors.ts";
import { tryProcessLock, type ProcessLock } from "../../lib/process-lock.ts";
import type { Catalog, CatalogLock } from "./catalog.ts";
import { checkKeys } from "./check-keys.ts";
import { wrapDialect } from "./dialect.ts";
import { translateCatalogError } from "./errors.ts";
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
 * Opens the embedded catalog, and creates it on first use. Only one process at a time may open it, which a lock
 * file beside the data ensures. Throws `locked` when another process still has it after `wait`.
 */
export async function openPglite(options: EmbeddedOptions): Promise<Catalog> {
  const dir = join(options.dataDir, "catalog");
  await makeDirectory(options.dataDir);
  const lock = await waitForLock(`${dir}.lock`, options);
  try {
    if (!existsSync(dir)) await create(dir, options.snapshot);
    // PGlite would create an empty database here, and a damaged catalog would look like a new one
    if (!existsSync(join(dir, "PG_VERSION"))) throw new Error("it holds no database");
    const pglite = await startPglite(dir);
    const db = new Kysely<Tables>({
      dialect: wrapDialect(new PGliteDialect({ pglite }), true),
      plugins: [checkKeys],
    }).withSchema("feedctl");
    return {
      kind: "pglite",
      location: dir,
      db,
      async lock() {
        return held;
      },
      async script(text) {
        try {
          await pglite.exec(text);
        } catch (error) {
          throw translateCatalogError(error);
        }
      },
      async [Symbol.asyncDispose]() {
        try {
          await db.destroy();
          if (!pglite.closed) await pglite.close();
        } finally {
          await lock.release();
        }
      },
    };
  } catch (error) {
    await lock.release();
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

/**
 * V8 optimises hot WebAssembly functions in the background, and a process waits for that when it exits: 0.27 s of 0.68
 * s and 370 MiB of 650 MiB for `feed list` (Node 24, 2 cores, November 2026). With a larger budget V8 optimises only
 * functions that run very long. A V8 that does not know the flag ignores it.
 *
 * PostgreSQL clears its buffers when it starts. PGlite's default of 128 MB costs a third of the processor time of
 * opening the catalog and 100 MiB of memory, for a cache that lives no longer than one command.
 */
function startPglite(dir: string): Promise<PGlite> {
  setFlagsFromString("--wasm-tiering-budget=2000000000");
  return PGlite.create(dir, { startParams: [...PGlite.defaultStartParams, "-c", "shared_buffers=32MB"] });
}

/** Creates the catalog under a temporary name and renames it, so that a crash does not leave an incomplete catalog. */
async function create(dir: string, snapshot: string): Promise<void> {
  const temp = `${dir}.creating`;
  await rm(temp, { recursive: true, force: true });
  if (existsSync(snapshot)) await unpackSnapshot(snapshot, temp);
  else await (await startPglite(temp)).close();
  await rename(temp, dir);
}

async function makeDirectory(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true });
  } catch (error) {
    throw new FeedctlError("denied", `the data directory ${dir} could not be created: ${(error as Error).message}`, {
      cause: error,
      hint: "choose another with FEEDCTL_DATA_DIR",
    });
  }
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
      throw new FeedctlError("denied", `the lock file ${path} cannot be written: ${(error as Error).message}`, {
        cause: error,
        hint: "choose another data directory with FEEDCTL_DATA_DIR",
      });
    }
    if ("release" in answer) return answer;
    const owner = `process ${answer.pid} on ${answer.host}`;
    if (performance.now() >= deadline) {
      throw new FeedctlError("locked", `the embedded catalog is in use by ${owner}`, {
        hint: `try again later; if that process is gone, remove ${path}; several processes at once need PostgreSQL (FEEDCTL_DATABASE_URL)`,
      });
    }
    if (!reported) options.onWait?.(`waiting for the embedded catalog, in use by ${owner}`);
    reported = true;
    await sleep(100, undefined, { signal: options.signal });
  }
}
