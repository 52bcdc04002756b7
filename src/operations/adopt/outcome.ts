import { outcome, unread, type ImportedFile } from "../import/outcome.ts";
import type { PreparedPackage } from "../import/prepare-package.ts";

/**
 * `adopted`: has a row now (in a dry run: would have). `existing`: had one. `conflict`: the feed has this file at another
 * key. `invalid`: no package, or a name that can be no key. `skipped`: accompanies packages, or is about to be deleted.
 */
export type AdoptStatus = "adopted" | "existing" | "conflict" | "invalid" | "failed" | "skipped";

/** As an import tells of a file; `file` is the blob's name in the store. */
export type AdoptedBlob = Omit<ImportedFile, "status"> & { status: AdoptStatus };

export function adopted(item: PreparedPackage, status: AdoptStatus, reason: string | null = null): AdoptedBlob {
  return { ...outcome(item, "existing", reason), file: item.key, status };
}

export function unadopted(name: string, status: AdoptStatus, reason: string | null, size: number | null): AdoptedBlob {
  return { ...unread(name, "existing", ""), status, reason, size };
}
