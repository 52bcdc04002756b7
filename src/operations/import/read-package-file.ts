// Reads a package file, in the main thread or in a worker (package-reader.ts). Job and answer can be cloned between
// threads.
import { FeedctlError, isFeedctlError, packError, type PackedError } from "../../errors.ts";
import { detectFormat } from "../../formats/detect.ts";
import type { FeedType } from "../../formats/feed-types.ts";
import type { PackageFile } from "../../formats/format.ts";
import { allFormats, loadFormat } from "../../formats/index.ts";
import { preparePackage, type PackageContent, type ReadBytes } from "./prepare-package.ts";

export interface ReadJob {
  file: PackageFile;
  /** Its path as shown in messages. */
  path: string;
  /** The expected type; undefined: detected from the contents. */
  type: FeedType | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
}

/** `type` is undefined when the file is not a package. */
export type ReadAnswer =
  | { type: FeedType; item: PackageContent }
  | { type: undefined }
  /** `invalid`: not a valid package; other codes: the file could not be read. */
  | { problem: PackedError };

/** Returns a bad or unreadable file as a `problem`. Rejects only for interruptions and bugs. */
export async function readCandidate(
  { file, path, type, distribution, component }: ReadJob,
  readBytes?: ReadBytes,
  signal: AbortSignal = new AbortController().signal,
): Promise<ReadAnswer> {
  try {
    const format = type === undefined ? await detectFormat(file, await allFormats(), signal) : await loadFormat(type);
    if (format === undefined) return { type: undefined };
    const item = await preparePackage(format, file, path, { signal, distribution, component, readBytes });
    return { type: format.type, item };
  } catch (error) {
    if (!isFeedctlError(error) || error.code === "interrupted") throw error;
    return { problem: packError(new FeedctlError(error.code, error.message, { hint: error.hint })) };
  }
}
