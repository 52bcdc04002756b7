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

export interface ImportedFile {
  type: "file";
  file: string;
  /** The feed it was for, where files are sorted into several. */
  feed?: string;
  status: ImportStatus;
  group?: string;
  name?: string;
  version?: string;
  qualifier?: string;
  key?: string;
  size?: number;
  /** Why it was not imported. */
  reason?: string;
  warnings?: string[];
}

/** The feed has it. */
export function isThere({ status }: ImportedFile): boolean {
  return status === "imported" || status === "overwritten" || status === "existing" || status === "restored";
}

export function outcome(item: PreparedPackage, status: ImportStatus, reason?: string): ImportedFile {
  const { group, name, version, qualifier, key, warnings } = item.identity;
  return {
    type: "file",
    file: item.path,
    status,
    group,
    name,
    version,
    qualifier,
    key,
    size: item.source.size,
    ...(reason === undefined ? {} : { reason }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}
