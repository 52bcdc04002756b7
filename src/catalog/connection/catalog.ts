import type { Db } from "../schema/core.ts";

/** What must not happen twice at once. Numbers are part of the protocol between feedctl processes: never renumber. */
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
  /** Rejects with `unavailable` when the connection that held the lock broke: whatever it guarded must not be committed. */
  assertHeld(): Promise<void>;
}

/** The Postgres database of feeds, packages and runs. */
export interface Catalog extends AsyncDisposable {
  readonly kind: "postgres" | "pglite";
  /** For messages; without password. */
  readonly location: string;
  readonly db: Db;
  /** Undefined when others hold it and the wait is over. The embedded catalog has one process at a time and always says yes. */
  lock(request: LockRequest): Promise<CatalogLock | undefined>;
  /** Runs SQL of several statements, as migrations do. */
  script(sql: string): Promise<void>;
}
