import type { Location } from "../../lib/location.ts";
import type { ColumnType, Generated, GeneratedAlways, JSONColumnType, Kysely } from "kysely";
import type { Key } from "../../lib/key.ts";
import type { AssetTables } from "./assets.ts";
import type { InstallationTable } from "./installation.ts";
import type { MigrationTables } from "./migration.ts";
import type { RetentionTables } from "./retention.ts";

/** JSON is written as text and read parsed. */
type Json<T extends object> = JSONColumnType<T>;
type Nullable<T> = ColumnType<T | null, T | null | undefined, T | null>;

export interface SettingsTable {
  name: string;
  value: string;
  updated_at: Date;
}

/** One row. */
export interface KeySaltTable {
  id: Generated<number>;
  /** In hex. */
  salt: string;
  created_at: Generated<Date>;
}

export interface FeedsTable {
  id: GeneratedAlways<number>;
  name: string;
  type: string;
  description: Nullable<string>;
  drop_path: Nullable<string>;
  drop_distribution: Nullable<string>;
  drop_component: Nullable<string>;
  active: Generated<boolean>;
  retention_rules_enabled: Generated<boolean>;
  deleting_at: Nullable<Date>;
  versioning: Generated<boolean>;
  created_at: Date;
}

export type StoreRole = "current" | "target" | "previous";

/** Store options as saved: plain values, and for secrets `{ ref }` or `{ sealed }`. */
export type SavedOptions = Record<string, string | boolean | SavedSecret>;
export type SavedSecret = { ref: string } | { sealed: string };

export interface StoresTable {
  id: GeneratedAlways<number>;
  feed_id: number;
  type: string;
  options: Json<SavedOptions>;
  location: ColumnType<Location | null, string | null, string | null>;
  role: StoreRole;
  created_at: Date;
  replaced_at: Nullable<Date>;
  retired_at: Nullable<Date>;
  /** When the marker was written; null: not yet, or it was deleted with the store's files. */
  marked_at: Nullable<Date>;
  /** The machine that wrote the marker. */
  marked_host: Nullable<string>;
  /** Where the marker was written, also for a store whose directory follows the settings. */
  marked_location: ColumnType<Location | null, string | null | undefined, string | null>;
  /** The store is older than markers: blobs that its rows name must be there before it is marked. */
  probe: Generated<boolean>;
  /** Proves that feedctl saved the row. Null for a store without credentials, and for one that is listed as unsealed. */
  seal: Nullable<string>;
  /** Its path is the former default directory: changing the settings back makes it follow them again. */
  pinned: Generated<boolean>;
  /** What was found of the provider, as `stores/traits.ts` reads it; null: not asked yet. */
  traits: ColumnType<object | null, string | null | undefined, string | null>;
  traits_at: Nullable<Date>;
}

/** Stores from before seals, until they are sealed. */
export interface UnsealedStoresTable {
  store_id: number;
  /** Of the row as it was then, in hex. */
  digest: string;
}

export interface PackagesTable {
  id: GeneratedAlways<number>;
  feed_id: number;
  group_name: string;
  name: string;
  name_key: string;
}

export interface VersionsTable {
  id: GeneratedAlways<number>;
  package_id: number;
  version: string;
  normalized_version: string;
  sort_key: Uint8Array;
  prerelease: boolean;
  listed: Generated<boolean>;
  allowed: Nullable<boolean>;
  deprecated: Generated<boolean>;
  deprecation_reason: Nullable<string>;
  cached: Generated<boolean>;
  published_at: Date;
  published_by: string;
  downloads: Generated<number>;
  last_used_at: Nullable<Date>;
  metadata: Json<Record<string, unknown>>;
  quarantined_at: Nullable<Date>;
  quarantined_until: Nullable<Date>;
  quarantine_run: Nullable<number>;
  quarantine_detail: ColumnType<object | null, string | null | undefined, string | null>;
}

export interface FilesTable {
  id: GeneratedAlways<number>;
  /** Null for an asset and for its earlier content. */
  version_id: number | null;
  feed_id: number;
  qualifier: string;
  key: Key;
  size: number;
  md5: Uint8Array;
  sha1: Uint8Array;
  sha256: Uint8Array;
  sha512: Uint8Array;
  content_type: string;
  store_tag: Nullable<string>;
  verified_at: Nullable<Date>;
  created_at: Date;
}

export interface RunsTable {
  id: GeneratedAlways<number>;
  command: string;
  feed_id: Nullable<number>;
  actor: string;
  host: string;
  pid: number;
  state: "running" | "done" | "failed" | "interrupted";
  started_at: Date;
  finished_at: Nullable<Date>;
  summary: ColumnType<object | null, string | null | undefined, string | null>;
}

export interface PendingWritesTable {
  store_id: number;
  key: Key;
  sha256: Uint8Array;
  run_id: number;
  created_at: Date;
  replacement: ColumnType<object | null, string | null | undefined, string | null>;
}

export interface PendingDeletesTable {
  store_id: number;
  key: Key;
  run_id: number;
  created_at: Date;
  /** How often the blob could not be deleted, why the last time, and when it is tried again. */
  attempts: Generated<number>;
  reason: string | null;
  next_try: Date | null;
}

export interface ProofsTable {
  store_id: number;
  key: Key;
  tag: string;
  sha256: Uint8Array;
  proven_at: Date;
  copied_by: Nullable<number>;
  catalogued: Generated<boolean>;
  described: Nullable<string>;
  unread: Generated<boolean>;
}

export interface DropFilesTable {
  feed_id: number;
  path: string;
  size: number;
  modified: Date;
  changed: Date | null;
  status: "conflict" | "invalid" | "failed";
  reason: string;
  seen_at: Date;
}

export interface DropScansTable {
  feed_id: number;
  scanned_at: Date;
  imported: number;
  problem: Nullable<string>;
}

export interface AuditEventsTable {
  id: GeneratedAlways<number>;
  run_id: Nullable<number>;
  at: Date;
  actor: string;
  action: string;
  feed_id: Nullable<number>;
  object: string;
  detail: ColumnType<object | null, string | null | undefined, string | null>;
}

export interface Tables extends AssetTables, MigrationTables, RetentionTables {
  settings: SettingsTable;
  key_salt: KeySaltTable;
  installation: InstallationTable;
  feeds: FeedsTable;
  stores: StoresTable;
  unsealed_stores: UnsealedStoresTable;
  packages: PackagesTable;
  versions: VersionsTable;
  files: FilesTable;
  runs: RunsTable;
  pending_writes: PendingWritesTable;
  pending_deletes: PendingDeletesTable;
  proofs: ProofsTable;
  drop_files: DropFilesTable;
  drop_scans: DropScansTable;
  audit_events: AuditEventsTable;
}

/** The catalog, or a transaction on it: the first parameter of every query function. */
export type Db = Kysely<Tables>;
