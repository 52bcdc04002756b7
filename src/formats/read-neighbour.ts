import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, relative, sep } from "node:path";
import { openFolder, openFolderBelow } from "../lib/files/open-folder.ts";
import { limits, type LimitName } from "../lib/limits.ts";
import { openRegularFile } from "../lib/files/open-regular-file.ts";
import type { FilePlace, PackageFile } from "./format.ts";
import { beyondLimit } from "./read-package.ts";

/** Where the file was found: its path by name, for formats that read folders or neighbours. */
export function placeOf({ path, place }: PackageFile): FilePlace {
  return place ?? { path, root: dirname(path) };
}

/**
 * Opens a file beside a package, by its path; undefined when it does not exist. Links are not followed. The caller
 * closes the handle.
 */
export async function openBeside(
  { root }: FilePlace,
  path: string,
): Promise<{ handle: FileHandle; stats: Stats } | undefined> {
  const inner = relative(root, dirname(path)).split(sep);
  try {
    // above the root are folders that the user has named, or that contain those
    using folder =
      inner[0] === ".." ? await openFolder(dirname(path)) : await openFolderBelow(root, inner.filter(Boolean));
    return await openRegularFile(folder.at(basename(path)));
  } catch (error) {
    // ELOOP: a link; ENAMETOOLONG: no file can have this name.
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
}

/** The content of such a file; undefined when it does not exist. Throws `invalid` when it is longer than the limit. */
export async function readBeside(
  place: FilePlace,
  path: string,
  limit: LimitName = "manifest",
): Promise<Buffer | undefined> {
  const opened = await openBeside(place, path);
  if (opened === undefined) return undefined;
  await using handle = opened.handle;
  if (opened.stats.size > limits[limit]) throw beyondLimit(limit, `the file beside it, ${basename(path)}, has`);
  return await handle.readFile();
}
