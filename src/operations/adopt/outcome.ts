import { outcome, unread, type ImportedFile } from "../import/outcome.ts";
import type { PreparedPackage } from "../import/prepare-package.ts";

/**
 * `adopted`: the blob has a row now (in a dry run: would have). `existing`: it already had one. `conflict`: the feed
 * has this file under another key. `invalid`: not a package, or not a valid key. `skipped`: a sidecar, another server's
 * history, or left by an interrupted run.
 */
export type AdoptStatus = "adopted" | "existing" | "conflict" | "invalid" | "failed" | "skipped";

/** The result for one blob, in the form of an import's result for a file. `file` is the blob's name in the store. */
export type AdoptedBlob = Omit<ImportedFile, "status"> & { status: AdoptStatus };

/** The result for a blob that was read as a package. */
export function adoptOutcome(item: PreparedPackage, status: AdoptStatus, reason: string | null = null): AdoptedBlob {
  return { ...outcome(item, "existing", reason), file: item.key, status };
}

/** The result for a blob whose package is not known. `size` is null when the blob was not listed. */
export function blobOutcome(
  name: string,
  status: AdoptStatus,
  reason: string | null,
  size: number | null,
): AdoptedBlob {
  return { ...unread(name, "existing", ""), status, reason, size };
}
