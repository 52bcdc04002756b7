import type { FoundFile } from "../local-files/found-file.ts";
import type { PreparedPackage } from "./prepare-package.ts";

/**
 * `imported`: new here (in a dry run: would be). `overwritten`: took the place of other bytes. `existing`: the same bytes
 * are there. `restored`: the catalog had it, but the store had lost its blob. `conflict`: other bytes are there.
 * `skipped`: a package of another type, or one that was not wanted.
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

/** What became of one file. Every member is always there; null: not known, or there is none. */
export interface ImportedFile {
  type: "file";
  file: string;
  /** The feed it was for, where files are sorted into several. */
  feed: string | null;
  status: ImportStatus;
  group: string | null;
  name: string | null;
  version: string | null;
  qualifier: string | null;
  /** Where its bytes are in the store. */
  key: string | null;
  size: number | null;
  /** Why it was not imported. */
  reason: string | null;
  warnings: string[];
}

/** What became of a found file; `found` is undefined for a path that is no file. */
export interface FileOutcome {
  found: FoundFile | undefined;
  result: ImportedFile;
}

/** What became of a package. */
export interface PackageOutcome {
  item: PreparedPackage;
  result: ImportedFile;
}

/** The feed has it. */
export function isThere({ status }: ImportedFile): boolean {
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

/** Of a file whose identity is not known. */
export function unread(file: string, status: ImportStatus, reason: string): ImportedFile {
  const unknown = { group: null, name: null, version: null, qualifier: null, key: null, size: null };
  return { type: "file", file, feed: null, status, ...unknown, reason, warnings: [] };
}
