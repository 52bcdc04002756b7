import type { ColumnType, Generated, GeneratedAlways, JSONColumnType } from "kysely";
import type { RetentionCriteria } from "./retention-criteria.ts";

type Nullable<T> = ColumnType<T | null, T | null | undefined, T | null>;

export interface RetentionRulesTable {
  id: GeneratedAlways<number>;
  feed_id: number;
  position: number;
  name: Nullable<string>;
  enabled: Generated<boolean>;
  protect_across_rules: Generated<boolean>;
  criteria: JSONColumnType<RetentionCriteria>;
}

export interface ProtectionsTable {
  id: GeneratedAlways<number>;
  feed_id: number;
  package: string;
  version: string;
  reason: Nullable<string>;
  created_at: Date;
  created_by: string;
}

export interface RetentionItemsTable {
  run_id: number;
  number: number;
  /** Id of a version, or of a file of an asset directory. */
  item_id: number;
  rule: number;
  place: Nullable<number>;
  bytes_before: Nullable<number>;
  count_before: Nullable<number>;
  row_version: string;
  bytes: number;
  files: number;
  step: Generated<"delete" | "free" | "restore" | "left">;
  kept_sum: Nullable<number>;
  seen_to: Nullable<number>;
}

export interface UsageImportsTable {
  feed_id: number;
  sha256: Uint8Array;
  head: Uint8Array;
  bytes: number;
  name: string;
  imported_at: Date;
  first_at: Nullable<Date>;
  last_at: Nullable<Date>;
  lines: Generated<number>;
  unreadable: Generated<number>;
  prefix: Nullable<string>;
  matched: Generated<boolean>;
  id: Generated<number>;
  separable: Generated<boolean>;
}

export interface UsageCountsTable {
  import_id: Nullable<number>;
  version_id: Nullable<number>;
  file_id: Nullable<number>;
  downloads: number;
  last_at: Date;
}

export interface UsageRejectsTable {
  feed_id: number;
  name: string;
  head: Uint8Array;
  lines: number;
  unreadable: number;
  last_at: Date;
  seen_at: Date;
}

export interface RetentionTables {
  retention_rules: RetentionRulesTable;
  protections: ProtectionsTable;
  retention_items: RetentionItemsTable;
  usage_imports: UsageImportsTable;
  usage_counts: UsageCountsTable;
  usage_rejects: UsageRejectsTable;
}
