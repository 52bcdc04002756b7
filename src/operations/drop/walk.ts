import type { Dirent } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { listFolder, type FolderListing } from "../../lib/list-folder.ts";
import { mapParallel } from "../../lib/parallel.ts";
import type { Context } from "../context.ts";
import type { Intake } from "./intake-contract.ts";
import { dropPathError } from "./check-path.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { isAbsent, markOf } from "../local-files/file-mark.ts";

/** The files of one folder of a drop path, by name. */
export interface DropFolder {
  /** Relative to the drop path, with `/`; empty for the drop path itself. */
  path: string;
  files: FoundFile[];
  /** Files that belong to packages, such as checksums, and are not packages themselves. */
  sidecars: FoundFile[];
}

export interface DropWalk {
  root: string;
  intake: Pick<Intake, "isSidecar">;
  /** Called for a folder or file that could not be read; the walk continues. */
  onProblem(error: unknown): void;
  /** Called for a file or folder whose name is not valid UTF-8; it is not part of the walk. */
  onBrokenName(file: FoundFile): void;
}

/**
 * Names that are ignored, of files and folders: unfinished uploads, editors' backups, files that operating systems
 * create in every folder, and hidden files.
 */
const IGNORED = /^[.~]|~$|\.(?:part|partial|tmp|crdownload|filepart)$|^(?:thumbs\.db|desktop\.ini)$/i;

/**
 * Yields every folder that has files, subfolders first: importing a file deletes it, and files in subfolders may need
 * those above them. Links are not followed. Rejects when the drop path itself could not be read.
 */
export async function* walkDropPath(context: Context, walk: DropWalk, path = ""): AsyncGenerator<DropFolder> {
  context.signal.throwIfAborted();
  let listing: FolderListing;
  try {
    listing = await listFolder(join(walk.root, path));
  } catch (error) {
    if (path === "") throw dropPathError(walk.root, error);
    // a subfolder may vanish without an error; the scan checks at the end that the drop path still exists
    if (!isAbsent(error)) walk.onProblem(dropPathError(join(walk.root, path), error));
    return;
  }
  await reportBrokenNames(walk, path, listing.broken);
  const kept = listing.entries.filter(isKept);
  for (const entry of kept)
    if (entry.isDirectory()) yield* walkDropPath(context, walk, path === "" ? entry.name : `${path}/${entry.name}`);
  const files = await describe(kept, walk, path);
  if (files.length > 0) yield folderOf(walk, path, files);
}

/** Lists the folder again; undefined when it no longer exists. */
export async function readDropFolder(walk: DropWalk, path: string): Promise<DropFolder | undefined> {
  try {
    const { entries } = await listFolder(join(walk.root, path));
    return folderOf(walk, path, await describe(entries.filter(isKept), walk, path));
  } catch (error) {
    if (!isAbsent(error)) throw dropPathError(walk.root, error);
    return undefined;
  }
}

function isKept({ name }: Dirent): boolean {
  return !IGNORED.test(name);
}

async function reportBrokenNames(walk: DropWalk, path: string, broken: FolderListing["broken"]): Promise<void> {
  const folder = join(walk.root, path);
  for (const { entry, path: real, shown } of broken) {
    if (!isKept(entry)) continue;
    const info = await lstat(real).catch(() => undefined);
    if (info === undefined || !(entry.isFile() || entry.isDirectory())) continue;
    const file = { path: join(folder, shown), size: info.size, name: shown };
    walk.onBrokenName({ path: file.path, file, mark: markOf(info) });
  }
}

function folderOf({ intake }: DropWalk, path: string, all: readonly FoundFile[]): DropFolder {
  const isSidecar = (file: FoundFile) => intake.isSidecar(file.file.name);
  return { path, files: all.filter((file) => !isSidecar(file)), sidecars: all.filter(isSidecar) };
}

async function describe(entries: readonly Dirent[], walk: DropWalk, folder: string): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  for await (const file of mapParallel(names, 16, describeFile)) if (file !== undefined) found.push(file);
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));

  async function describeFile(name: string): Promise<FoundFile | undefined> {
    const path = join(walk.root, folder, name);
    try {
      const info = await lstat(path);
      if (!info.isFile()) return undefined;
      return { path, file: { path, size: info.size, name }, mark: markOf(info) };
    } catch (error) {
      if (!isAbsent(error)) walk.onProblem(dropPathError(path, error));
      return undefined;
    }
  }
}
