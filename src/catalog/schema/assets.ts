import type { ColumnType, Generated, JSONColumnType } from "kysely";

type Nullable<T> = ColumnType<T | null, T | null | undefined, T | null>;

/** `header`: sent as a response header, where the server supports it. */
export type UserMetadata = Record<string, { value: string; header: boolean }>;

export interface AssetsTable {
  file_id: number;
  created_at: Date;
  modified_at: Date;
  uploaded_by: string;
  uploaded_at: Date;
  downloads: Generated<number>;
  last_used_at: Nullable<Date>;
  cache_control: Nullable<string>;
  metadata: JSONColumnType<UserMetadata>;
}

export interface AssetFoldersTable {
  feed_id: number;
  path: string;
  created_at: Date;
  cache_control: Nullable<string>;
  metadata: ColumnType<UserMetadata, string | undefined, string>;
}

export type HistoryReason = "overwritten" | "deleted";

export interface AssetHistoryTable {
  file_id: number;
  feed_id: number;
  path: string;
  created_at: Date;
  modified_at: Date;
  uploaded_by: string;
  reason: HistoryReason;
  kept_at: Date;
  kept_by: string;
}

export interface AssetTables {
  assets: AssetsTable;
  asset_folders: AssetFoldersTable;
  asset_history: AssetHistoryTable;
}
