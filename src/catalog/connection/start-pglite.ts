import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { PGlite } from "@electric-sql/pglite";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import type { PGliteDialectConfig } from "kysely";
import { createFlushes, type Flushes, type NodeFileSystem } from "./flushes.ts";

/** The lock file in the data directory. */
export const LOCK = "feedctl.lock";

/** PostgreSQL in this process, on the files of one data directory. */
export interface EmbeddedServer {
  /** For Kysely's dialect. */
  readonly client: Exclude<PGliteDialectConfig["pglite"], (...none: never[]) => unknown>;
  /** Runs several SQL statements, and returns the rows of the last one. */
  exec(sql: string): Promise<unknown[]>;
  close(): Promise<void>;
}

/**
 * V8 optimises hot WebAssembly functions in the background, and a process waits for that when it exits: 0.27 s of 0.68
 * s and 370 MiB of 650 MiB for `feed list` (Node 24, 2 cores, November 2026). With a larger budget V8 optimises only
 * functions that run very long. A V8 that does not know the flag ignores it.
 *
 * PostgreSQL clears its buffers when it starts. PGlite's default of 128 MB costs a third of the processor time of
 * opening the catalog and 100 MiB of memory, for a cache that lives no longer than one command.
 *
 * PGlite turns `fsync` off, because its file systems do not flush. This one does, through fsync only: PGlite answers
 * fdatasync, PostgreSQL's default for its log, without asking the file system.
 */
export async function startPglite(dir: string): Promise<EmbeddedServer> {
  setFlagsFromString("--wasm-tiering-budget=2000000000");
  const settings = ["shared_buffers=32MB", "fsync=on", "wal_sync_method=fsync"];
  const files = new FlushedFiles(dir);
  const pglite = await PGlite.create({
    dataDir: dir,
    fs: files,
    startParams: [...PGlite.defaultStartParams, ...settings.flatMap((setting) => ["-c", setting])],
  });
  const { assertFlushed } = files.flushes;
  assertFlushed();
  /** Rejects when a flush has failed: what PostgreSQL answers since then is not on the disk. */
  async function flushed<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } finally {
      assertFlushed();
    }
  }
  return {
    client: {
      get closed() {
        return pglite.closed;
      },
      get ready() {
        return pglite.ready;
      },
      waitReady: pglite.waitReady,
      query: (sql, parameters, options) => flushed(pglite.query(sql, parameters, options)),
      transaction: (work) => flushed(pglite.transaction(work)),
      close: () => pglite.close(),
    },
    async exec(sql) {
      return (await flushed(pglite.exec(sql))).at(-1)?.rows ?? [];
    },
    async close() {
      if (!pglite.closed) await pglite.close();
    },
  };
}

/**
 * Whether PostgreSQL has closed the data directory, which it notes after everything has been flushed. After a kill it
 * has not, and files may be waiting in memory to be written.
 */
export function wasShutDown(dir: string): boolean {
  // The field `state` of ControlFileData, src/include/catalog/pg_control.h: after three numbers of 8, 4 and 4 bytes.
  const offset = 16;
  const shutDown = 1;
  const file = openSync(join(dir, "global", "pg_control"), "r");
  try {
    const state = Buffer.alloc(4);
    return readSync(file, state, 0, state.length, offset) === state.length && state.readInt32LE() === shutDown;
  } finally {
    closeSync(file);
  }
}

class FlushedFiles extends NodeFS {
  readonly flushes: Flushes;

  constructor(dir: string) {
    super(dir);
    this.flushes = createFlushes(this.rootDir);
  }

  override async init(...parameters: Parameters<NodeFS["init"]>): ReturnType<NodeFS["init"]> {
    const started = await super.init(...parameters);
    started.emscriptenOpts.preRun?.push(({ NODEFS }) => {
      this.flushes.install(NODEFS);
      hideLock(NODEFS);
    });
    return started;
  }
}

/**
 * Hides the lock file from PostgreSQL, which opens and closes every file that it finds after a kill: POSIX drops a
 * process's locks on a file when the process closes any descriptor of it.
 */
function hideLock({ node_ops: names }: NodeFileSystem): void {
  const { readdir } = names;
  names.readdir = (node) => readdir(node).filter((name) => name !== LOCK);
}
