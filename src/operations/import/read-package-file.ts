// What a package file says, read here or in a thread (see package-reader.ts): all of it can travel between threads.
import { FeedctlError, isFeedctlError, packError, type PackedError } from "../../errors.ts";
import { detectFormat } from "../../formats/detect.ts";
import type { FeedType } from "../../formats/feed-types.ts";
import type { PackageFile } from "../../formats/format.ts";
import { allFormats, loadFormat } from "../../formats/index.ts";
import { preparePackage, type PackageContent, type ReadBytes } from "./prepare-package.ts";

export interface ReadJob {
  file: PackageFile;
  /** As it is shown. */
  path: string;
  /** The type that it is to be of; undefined: whatever it is by its contents. */
  type: FeedType | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
}

/** `type` is undefined when the file is no package. */
export type ReadAnswer =
  | { type: FeedType; item: PackageContent }
  | { type: undefined }
  /** `invalid`: its contents; other codes: it could not be read. */
  | { problem: PackedError };

/** Never rejects for what a file is or holds; for an interruption it does. */
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
