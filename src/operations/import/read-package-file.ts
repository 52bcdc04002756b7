// Reads a package file, in the main thread or in a worker (package-reader.ts). Job and answer can be cloned between
// threads.
import { FeedctlError, isFeedctlError, packError, type PackedError } from "../../errors.ts";
import { detectFormat } from "../../formats/detect.ts";
import type { FeedType } from "../../formats/feed-types.ts";
import type { PackageFile, VersionName } from "../../formats/format.ts";
import { allFormats, loadFormat } from "../../formats/index.ts";
import { descriptorPath } from "../../lib/files/open-folder.ts";
import { changedFile, markOf, openMarked, sameMark, type MarkedFile } from "../local-files/file-mark.ts";
import { fileError } from "../local-files/file-source.ts";
import { preparePackage, type PackageContent, type ReadBytes } from "./prepare-package.ts";

export interface ReadJob {
  file: PackageFile;
  /** Its path as shown in messages. */
  path: string;
  /** What is known of a file that others may replace: it must still be the same, and no link below the root counts. */
  found?: Pick<MarkedFile, "root" | "mark"> | undefined;
  /** The expected type; undefined: detected from the contents. */
  type: FeedType | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
  /** As in `ReadOptions`. */
  known?: readonly VersionName[] | undefined;
}

/** `type` is undefined when the file is not a package. */
export type ReadAnswer =
  | { type: FeedType; item: PackageContent }
  | { type: undefined }
  /** `invalid`: not a valid package; other codes: the file could not be read. `type`: of a file with a wrong name. */
  | { problem: PackedError; type?: FeedType };

/** Returns a bad or unreadable file as a `problem`. Rejects only for interruptions and bugs. */
export async function readCandidate(
  job: ReadJob,
  readBytes?: ReadBytes,
  signal: AbortSignal = new AbortController().signal,
): Promise<ReadAnswer> {
  const { file, found } = job;
  try {
    if (found === undefined) return await readPackage(job, readBytes, signal);
    await using handle = await openMarked(file.path, found.mark).catch((error: unknown) => {
      throw fileError(error);
    });
    // the format reads by path, several times: this path is that of the open file, whatever its name leads to by now
    const opened = {
      ...file,
      path: descriptorPath(handle.fd, file.path),
      place: { path: file.path, root: found.root },
    };
    const before = markOf(await handle.stat());
    const answer = await readPackage({ ...job, file: opened }, readBytes, signal).catch((error: unknown) => {
      if (!isFeedctlError(error, "invalid")) throw error;
      return error;
    });
    if (!sameMark(before, markOf(await handle.stat()))) throw changedFile();
    if (answer instanceof FeedctlError) throw answer;
    return answer;
  } catch (error) {
    if (!isFeedctlError(error) || error.code === "interrupted") throw error;
    return { problem: packError(new FeedctlError(error.code, error.message, { hint: error.hint })) };
  }
}

async function readPackage(
  { file, path, type, distribution, component, known }: ReadJob,
  readBytes: ReadBytes | undefined,
  signal: AbortSignal,
): Promise<ReadAnswer> {
  const detected = type === undefined ? await detectFormat(file, await allFormats(), signal) : undefined;
  if (type === undefined && detected === undefined) return { type: undefined };
  if (detected?.problem !== undefined) return { problem: packError(detected.problem), type: detected.format.type };
  const format = detected?.format ?? (await loadFormat(type ?? ""));
  const item = await preparePackage(format, file, path, { signal, distribution, component, known, readBytes });
  return { type: format.type, item };
}
