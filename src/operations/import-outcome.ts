import type { PreparedPackage } from "./prepare-package.ts";

/**
 * `imported`: new here (in a dry run: would be). `overwritten`: took the place of other bytes. `existing`: the same bytes
 * are there. `conflict`: other bytes are. `skipped`: a package of another type, or one that was not wanted.
 */
export type ImportStatus = "imported" | "overwritten" | "existing" | "conflict" | "invalid" | "failed" | "skipped";

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
