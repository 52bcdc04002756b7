import type { Dirent, Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { listFolder, type FolderListing } from "../../lib/files/list-folder.ts";
import { openFolder, openFolderBelow, type Folder } from "../../lib/files/open-folder.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { Context } from "../context.ts";
import type { Intake } from "./intake-contract.ts";
import { dropPathError } from "./check-path.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { freshStats, isAbsent, markOf } from "../local-files/file-mark.ts";

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
export async function* walkDropPath(context: Context, walk: DropWalk): AsyncGenerator<DropFolder> {
  const root = await openFolder(walk.root).catch((error: unknown) => {
    throw dropPathError(walk.root, error);
  });
  using opened = root;
  yield* walkFolder(context, walk, opened, "");
}

async function* walkFolder(context: Context, walk: DropWalk, folder: Folder, path: string): AsyncGenerator<DropFolder> {
  context.signal.throwIfAborted();
  let listing: FolderListing;
  try {
    listing = await listFolder(folder.self);
  } catch (error) {
    const failure = dropPathError(folder.path, folder.explain(error));
    if (path === "") throw failure;
    // a subfolder may vanish without an error; the scan checks at the end that the drop path still exists
    if (!isAbsent(error)) walk.onProblem(failure);
    return;
  }
  await reportBrokenNames(walk, folder, listing.broken);
  const kept = listing.entries.filter(isKept);
  for (const { name } of kept.filter((entry) => entry.isDirectory())) {
    const inner = await folder.folder(name).catch((error: unknown) => {
      // it vanished, or somebody has replaced it by a file or a link
      if (!isAbsent(error) && !isLink(error)) walk.onProblem(dropPathError(join(folder.path, name), error));
      return undefined;
    });
    if (inner === undefined) continue;
    using opened = inner;
    yield* walkFolder(context, walk, opened, path === "" ? name : `${path}/${name}`);
  }
  const files = await describe(kept, walk, folder, (entry) => lstat(entry));
  if (files.length > 0) yield folderOf(walk, path, files);
}

/** Lists the folder again, with fresh marks; undefined when it no longer exists. */
export async function readDropFolder(walk: DropWalk, path: string): Promise<DropFolder | undefined> {
  try {
    using folder = await openFolderBelow(walk.root, path === "" ? [] : path.split("/"));
    const { entries } = await listFolder(folder.self);
    return folderOf(walk, path, await describe(entries.filter(isKept), walk, folder, freshStats));
  } catch (error) {
    if (!isAbsent(error) && !isLink(error)) throw dropPathError(walk.root, error);
    return undefined;
  }
}

function isLink(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ELOOP";
}

function isKept({ name }: Dirent): boolean {
  return !IGNORED.test(name);
}

async function reportBrokenNames(walk: DropWalk, folder: Folder, broken: FolderListing["broken"]): Promise<void> {
  for (const { entry, path: real, shown } of broken) {
    if (!isKept(entry)) continue;
    const info = await lstat(real).catch(() => undefined);
    if (info === undefined || !(entry.isFile() || entry.isDirectory())) continue;
    const file = { path: join(folder.path, shown), size: info.size, name: shown };
    walk.onBrokenName({ path: file.path, file, mark: markOf(info), root: walk.root });
  }
}

function folderOf({ intake }: DropWalk, path: string, all: readonly FoundFile[]): DropFolder {
  const isSidecar = (file: FoundFile) => intake.isSidecar(file.file.name);
  return { path, files: all.filter((file) => !isSidecar(file)), sidecars: all.filter(isSidecar) };
}

/** `look`: `lstat`, or one that asks the server. */
async function describe(
  entries: readonly Dirent[],
  walk: DropWalk,
  folder: Folder,
  look: (path: string) => Promise<Stats>,
): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  for await (const file of mapParallel(names, 16, describeFile)) if (file !== undefined) found.push(file);
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));

  async function describeFile(name: string): Promise<FoundFile | undefined> {
    const path = join(folder.path, name);
    try {
      const info = await look(folder.at(name));
      if (!info.isFile()) return undefined;
      return { path, file: { path, size: info.size, name }, mark: markOf(info), root: walk.root };
    } catch (error) {
      if (!isAbsent(error)) walk.onProblem(dropPathError(path, folder.explain(error)));
      return undefined;
    }
  }
}
