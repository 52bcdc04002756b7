import type { ColumnType, Generated, GeneratedAlways, JSONColumnType } from "kysely";

type Nullable<T> = ColumnType<T | null, T | null | undefined, T | null>;

export type MigrationState =
  /** Passes run, or the process ended during one. */
  | "copying"
  /** Paused on request. */
  | "paused"
  /** Everything but later changes is copied; waits for the cut-over. */
  | "ready"
  /** The feed is frozen for its last pass. */
  | "switching"
  | "switched"
  | "retired"
  | "cancelled"
  | "rolled-back";

export type MigrationRequest = "pause" | "cancel" | "cutover";

/** How to run a migration. Saved, so that another process can resume it. */
export interface MigrationPlan {
  cutover: "auto" | "manual";
  cached: "copy" | "skip" | "clear";
  /** The target was empty when the migration began. */
  fresh?: boolean | undefined;
  /** What copies get of their source besides headers and metadata. Absent: nothing. */
  preserve?: { tags: boolean; storageClass: boolean } | undefined;
}

export interface MigrationsTable {
  id: GeneratedAlways<number>;
  feed_id: number;
  from_store_id: number;
  to_store_id: number;
  state: MigrationState;
  run_id: number;
  started_at: Date;
  switched_at: Nullable<Date>;
  retired_at: Nullable<Date>;
  blobs: Generated<number>;
  bytes: Generated<number>;
  reverses: Nullable<number>;
  plan: JSONColumnType<MigrationPlan>;
  request: Nullable<MigrationRequest>;
  requested_by: Nullable<string>;
  problem: Nullable<string>;
  updated_at: Nullable<Date>;
  finished_at: Nullable<Date>;
  frozen_milliseconds: Nullable<number>;
}

export interface MigrationPassesTable {
  migration_id: number;
  number: number;
  kind: "full" | "delta" | "last";
  run_id: number;
  started_at: Date;
  updated_at: Date;
  finished_at: Nullable<Date>;
  expected_blobs: number;
  expected_bytes: number;
  copied: Generated<number>;
  verified: Generated<number>;
  same: Generated<number>;
  failed: Generated<number>;
  stale: Generated<number>;
  foreign_blobs: Generated<number>;
  bytes: Generated<number>;
}

interface MigrationFailuresTable {
  migration_id: number;
  key: string;
  reason: string;
  at: Date;
}

export interface MigrationRangesTable {
  migration_id: number;
  number: number;
  lower: string;
  upper: Nullable<string>;
  cursor: string;
  claim: Nullable<string>;
  worker_id: Nullable<number>;
  copied: Generated<number>;
  verified: Generated<number>;
  failed: Generated<number>;
  bytes: Generated<number>;
  updated_at: Nullable<Date>;
  finished_at: Nullable<Date>;
}

export interface WorkersTable {
  id: GeneratedAlways<number>;
  host: string;
  pid: number;
  actor: string;
  concurrency: number;
  started_at: Date;
  seen_at: Date;
  stopped_at: Nullable<Date>;
}

export interface MigrationTables {
  migrations: MigrationsTable;
  migration_passes: MigrationPassesTable;
  migration_failures: MigrationFailuresTable;
  migration_ranges: MigrationRangesTable;
  workers: WorkersTable;
}
