import { FeedctlError } from "../../errors.ts";
import { keyProblem, type Key } from "../../lib/key.ts";

/** The folder of earlier versions, as ProGet names it. Not listed; its paths are refused for files. */
export const HISTORY = "._proget_file_history_";

/** Why a path is invalid for a file or folder, as a predicate ("is empty"); undefined if it is valid. */
export function assetPathProblem(path: string): string | undefined {
  const problem = keyProblem(path);
  if (problem !== undefined) return problem;
  return path === HISTORY || path.startsWith(`${HISTORY}/`)
    ? `lies in ${HISTORY}, which is reserved for earlier versions`
    : undefined;
}

/** Parses the path of a file. Leading slashes are ignored. */
export function parseAssetPath(text: string): Key {
  const path = text.replace(/^\/+/, "");
  const problem = assetPathProblem(path);
  if (problem === undefined) return path as Key;
  throw new FeedctlError("usage", `the path ${JSON.stringify(text)} ${problem}`, {
    hint: "a path looks like folder/file.zip",
  });
}

/** Parses the path of a folder. Slashes at both ends are ignored; `""` is the directory itself. */
export function parseFolder(text: string): Key | "" {
  const path = text.replace(/^\/+/, "").replace(/\/+$/, "");
  return path === "" || path === "." ? "" : parseAssetPath(path);
}

/** Joins a folder (`""`: the directory itself) and a path inside it. */
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
