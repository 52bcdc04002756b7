import type { Db } from "../schema/core.ts";

/**
 * What a lock protects. `run` is held while a run lives, `write` by whoever writes to a feed (exclusively while it is
 * frozen), `migrate` by the process that migrates it.
 */
export type LockKind = "write" | "migrate" | "run" | "drop" | "retention";

export interface LockRequest {
  kind: LockKind;
  /** Feed id or run id. */
  id: number;
  mode: "shared" | "exclusive";
  /** Milliseconds to wait for others; 0 tries once. */
  wait?: number;
  /** Called once when the wait begins. */
  onWait?: () => void;
  signal?: AbortSignal | undefined;
}

export interface CatalogLock extends AsyncDisposable {
  /** Ids of the lock's rows, for `proveLocks`. Empty in the embedded catalog, which only one process opens. */
  readonly proofs: readonly string[];
  /**
   * Rejects with `unavailable` when the connection that took the lock broke or another process took the lock over, so
   * that long work stops early. Proves nothing about a transaction: see `operations/commit/commit.ts`.
   */
  assertHeld(): Promise<void>;
}

/** The Postgres database of feeds, packages and runs. */
export interface Catalog extends AsyncDisposable {
  readonly kind: "postgres" | "pglite";
  /** For messages; without password. */
  readonly location: string;
  readonly db: Db;
  /**
   * Resolves to undefined when others still hold the lock after `wait`. The locks of one process do not exclude one
   * another. The embedded catalog grants every lock, because only one process at a time opens it.
   */
  lock(request: LockRequest): Promise<CatalogLock | undefined>;
  /** Runs a script of several SQL statements in one round trip, and returns the rows of the last one. */
  script(sql: string): Promise<unknown[]>;
}
