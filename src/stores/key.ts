import { FeedctlError } from "../errors.ts";
import { blobNameProblem, isFolderMarker, isKey, isMarker, isProbe, keyProblem, PROBES, type Key } from "../lib/key.ts";
import type { ListOptions } from "./store.ts";

/** Throws `invalid` with the reason when `text` is not a key. */
export function parseKey(text: string): Key {
  const problem = keyProblem(text);
  if (problem !== undefined) throw new FeedctlError("invalid", `the key ${JSON.stringify(text)} ${problem}`);
  return text as Key;
}

/** As `parseKey`, for a name that a listing with `anyName` yielded. */
export function parseBlobName(text: string): Key {
  const problem = blobNameProblem(text);
  if (problem !== undefined) throw new FeedctlError("invalid", `the name ${JSON.stringify(text)} ${problem}`);
  return text as Key;
}

/**
 * Whether the listing of a cloud below `prefix` yields a blob of this name. Reports the name to `onForeign` if not, unless
 * it is feedctl's own.
 */
export function isListed(
  name: string,
  size: number,
  { prefix, anyName = false, onForeign }: Pick<ListOptions, "anyName" | "onForeign"> & { prefix: string },
): name is Key {
  if (isKey(name)) return true;
  if (isMarker(name)) return false;
  if (isProbe(name)) return prefix.startsWith(PROBES);
  if (anyName && blobNameProblem(name) === undefined) return true;
  // the empty name is the marker of the target path itself
  onForeign?.(name, isFolderMarker(`/${name}`, size) ? undefined : keyProblem(name));
  return false;
}

/** Whether what `onForeign` reports is the marker of a folder, which has no content and needs no row. */
export function marksFolder(name: string, problem: string | undefined): boolean {
  return problem === undefined && (name === "" || name.endsWith("/"));
}

/**
 * A cloud target path as a key prefix: `""` for the root, else `a/b/`. Leading, trailing and doubled slashes are
 * ignored in every cloud. (ProGet's rules differ between S3 and Azure; see the README of this folder.)
 */
export function parseTargetPath(text: string): string {
  const segments = text.split("/").filter((segment) => segment !== "");
  if (segments.length === 0) return "";
  return `${parseKey(segments.join("/"))}/`;
}
