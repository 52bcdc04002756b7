import { FeedctlError } from "../../errors.ts";
import { keyProblem, type Key } from "../../stores/key.ts";

/** Where overwritten and deleted content is kept, under ProGet's name: hidden from everybody. */
export const HISTORY = "._proget_file_history_";

/** Why a path cannot be that of a file or folder; undefined if it can. */
export function assetPathProblem(path: string): string | undefined {
  const problem = keyProblem(path);
  if (problem !== undefined) return problem;
  return path === HISTORY || path.startsWith(`${HISTORY}/`)
    ? `lies in ${HISTORY}, which is kept for history`
    : undefined;
}

/** The path of a file as typed; a slash at the beginning means nothing. */
export function parseAssetPath(text: string): Key {
  const path = text.replace(/^\/+/, "");
  const problem = assetPathProblem(path);
  if (problem === undefined) return path as Key;
  throw new FeedctlError("usage", `the path ${JSON.stringify(text)} ${problem}`, {
    hint: "a path looks like folder/file.zip",
  });
}

/** The path of a folder as typed: slashes at either end mean nothing. `""` is the directory itself. */
export function parseFolder(text: string): Key | "" {
  const path = text.replace(/^\/+/, "").replace(/\/+$/, "");
  return path === "" || path === "." ? "" : parseAssetPath(path);
}

/** A path inside a folder. */
export function inside(folder: string, path: string): string {
  return folder === "" ? path : `${folder}/${path}`;
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The folder that a path lies in; `""`: the directory itself. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The cache header for a path: its own, or that of the nearest folder that has one. Undefined: none. */
export function effectiveCache(
  own: string | null,
  path: string,
  caches: ReadonlyMap<string, string>,
): string | undefined {
  let found = own ?? undefined;
  for (let folder = path; found === undefined && folder !== "";) {
    folder = folderOf(folder);
    found = caches.get(folder);
  }
  return found === "" ? undefined : found;
}
