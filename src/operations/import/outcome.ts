import type { FoundFile } from "../local-files/found-file.ts";
import type { PreparedPackage } from "./prepare-package.ts";

/**
 * `imported`: new in the feed (dry run: would be). `overwritten`: replaced other bytes. `existing`: the feed has the
 * same bytes. `restored`: the row existed, but its blob was missing in the store. `conflict`: the feed has other bytes.
 * `skipped`: a package of another type, or a conflict with `onConflict: "skip"`.
 */
export type ImportStatus =
  | "imported"
  | "overwritten"
  | "existing"
  | "restored"
  | "conflict"
  | "invalid"
  | "failed"
  | "skipped";

/** The outcome of one file. All members are always set; null: unknown or none. */
export interface ImportedFile {
  type: "file";
  file: string;
  /** The target feed, when files are sorted into several feeds by type. */
  feed: string | null;
  status: ImportStatus;
  group: string | null;
  name: string | null;
  version: string | null;
  qualifier: string | null;
  /** Its key in the store. */
  key: string | null;
  size: number | null;
  /** Why it was not imported. */
  reason: string | null;
  warnings: string[];
}

/** The outcome of a found file; `found` is undefined for a path that is not a file. */
export interface FileOutcome {
  found: FoundFile | undefined;
  result: ImportedFile;
  /** The feed has it, but the source stays: another file beside it, which could not be imported, needs it. */
  isKept?: boolean;
}

/** A package and its outcome. */
export interface PackageOutcome {
  item: PreparedPackage;
  result: ImportedFile;
}

/** Whether the feed has the file, with the same bytes. */
export function isInFeed({ status }: ImportedFile): boolean {
  return status === "imported" || status === "overwritten" || status === "existing" || status === "restored";
}

export function outcome(item: PreparedPackage, status: ImportStatus, reason: string | null = null): ImportedFile {
  const { group, name, version, qualifier, warnings } = item.identity;
  const identity = { group, name, version, qualifier, key: item.key, size: item.source.size };
  return { type: "file", file: item.path, feed: null, status, ...identity, reason, warnings };
}

export function packageOutcome(
  item: PreparedPackage,
  status: ImportStatus,
  reason: string | null = null,
): PackageOutcome {
  return { item, result: outcome(item, status, reason) };
}

/** The outcome of a file whose identity is unknown. */
export function unread(file: string, status: ImportStatus, reason: string): ImportedFile {
  const unknown = { group: null, name: null, version: null, qualifier: null, key: null, size: null };
  return { type: "file", file, feed: null, status, ...unknown, reason, warnings: [] };
}
