import type { Db } from "../schema/core.ts";

/** Kinds of advisory locks. The numbers are part of the protocol between feedctl processes: never renumber. */
export const lockKinds = { schema: 1, write: 2, migrate: 3, run: 4, store: 5, rows: 6, drop: 7, retention: 8 } as const;
export type LockKind = keyof typeof lockKinds;

export interface LockRequest {
  kind: LockKind;
  /** Feed id, run id or 0. */
  id: number;
  mode: "shared" | "exclusive";
  /** Milliseconds to wait for others; 0 tries once. */
  wait?: number;
  /** Called once when the wait begins. */
  onWait?: () => void;
  signal?: AbortSignal | undefined;
}

export interface CatalogLock extends AsyncDisposable {
  /**
   * Rejects with `unavailable` when the connection that held the lock broke: what it protects must not be committed.
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
   * Resolves to undefined when others still hold the lock after `wait`. The embedded catalog grants every lock, because
   * only one process at a time opens it.
   */
  lock(request: LockRequest): Promise<CatalogLock | undefined>;
  /** Runs a script of several SQL statements, such as a migration. */
  script(sql: string): Promise<void>;
}
