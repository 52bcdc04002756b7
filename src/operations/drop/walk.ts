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
  /** Accompany packages and are none. */
  sidecars: FoundFile[];
}

export interface DropWalk {
  root: string;
  intake: Pick<Intake, "isSidecar">;
  /** Told of a folder that cannot be read; the others are read all the same. */
  onProblem(error: unknown): void;
  /** Told of a file or folder whose name is no UTF-8 text: nothing can be opened by it, so it stays. */
  onBrokenName(file: FoundFile): void;
}

/**
 * What uploads are called while they last, editors' copies, what systems put into every folder, and hidden files: left
 * alone, and folders of such names too.
 */
const LEFT_ALONE = /^[.~]|~$|\.(?:part|partial|tmp|crdownload|filepart)$|^(?:thumbs\.db|desktop\.ini)$/i;

/**
 * Every folder that has files, those inside a folder before itself, because a file may need its neighbours and those
 * above it. Links are not followed. Rejects when the drop path itself cannot be read.
 */
export async function* walkDropPath(context: Context, walk: DropWalk, path = ""): AsyncGenerator<DropFolder> {
  context.signal.throwIfAborted();
  let listing: FolderListing;
  try {
    listing = await listFolder(join(walk.root, path));
  } catch (error) {
    if (path === "") throw dropPathError(walk.root, error);
    // a folder that went away is nobody's fault; whether all went with it is asked at the end
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

/** The folder as it is now; undefined when it is gone. */
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
  return !LEFT_ALONE.test(name);
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
  for await (const file of mapParallel(names, 16, look)) if (file !== undefined) found.push(file);
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));

  async function look(name: string): Promise<FoundFile | undefined> {
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
