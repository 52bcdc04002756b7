import type { Dirent, readdir } from "node:fs";
import { lstat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { containerOf } from "../../formats/containers/sniff.ts";
import type { Format } from "../../formats/format.ts";
import { listFolder } from "../../lib/files/list-folder.ts";
import type { Context } from "../context.ts";
import { matcherOf, splitPattern } from "../local-files/patterns.ts";
import { createFoldersOfFiles, markOf, openMarked, type FoldersOfFiles } from "../local-files/file-mark.ts";
import type { FoundFile } from "../local-files/found-file.ts";

/** A file to import, or why a path cannot be one. */
export type Candidate = FoundFile | { path: string; problem: string };

/** A path or a pattern; `isLiteral`: a path, whatever its characters. */
export type GivenPath = string | { path: string; isLiteral: boolean };

export interface FindOptions {
  /** The directory of relative paths and patterns. */
  cwd: string;
  recursive: boolean;
  /** In directories, only files with the extensions of these formats are found. */
  formats: readonly Format[];
  /** Patterns, relative to the searched directory. `include` replaces the check of extensions. */
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  /** In directories, also find files without these extensions whose content begins as a package's. */
  byContent?: boolean | undefined;
  /** Yield the files of a folder together, after those of its subfolders, so that they can be deleted together. */
  byFolder?: boolean | undefined;
}

/**
 * Finds package files: each path is a file (of any name: its content decides), a directory (its package files, with
 * `recursive` at any depth) or a pattern. Links are not followed. Order: as given, then by name or by folder.
 */
export async function* findPackageFiles(
  context: Context,
  paths: readonly GivenPath[],
  options: FindOptions,
): AsyncGenerator<Candidate> {
  const { cwd } = options;
  const isSelected = createSelection(options);
  const order = options.byFolder ? folderOrder : undefined;
  using folders = createFoldersOfFiles();
  for (const given of paths) {
    context.signal.throwIfAborted();
    const { path, isLiteral } = typeof given === "string" ? { path: given, isLiteral: false } : given;
    const absolute = resolve(cwd, path);
    const info = await lstat(absolute).catch((error: NodeJS.ErrnoException) => error);
    if (info instanceof Error) {
      // in patterns a backslash is an escape; on Windows it separates folders, and shells there do not expand patterns
      const pattern = context.platform === "win32" ? path.replaceAll("\\", "/") : path;
      if (info.code === "ENOENT" && !isLiteral && (await isPattern(pattern))) {
        yield* matches(isSelected, { pattern, cwd, isGiven: true, order });
        continue;
      }
      const missing = path.includes("\ufffd") ? `no such file, or ${NO_UTF8}` : "no such file";
      yield { path, problem: info.code === "ENOENT" ? missing : info.message };
    } else if (info.isDirectory()) {
      const pattern = options.recursive ? "**/*" : "*";
      yield* matches(isSelected, { pattern, cwd: absolute, isGiven: false, order });
    } else {
      yield await candidate(absolute, { shown: path, root: dirname(absolute), folders });
    }
  }
}

const NO_UTF8 = "its name is not UTF-8 text; rename it";

async function isPattern(path: string): Promise<boolean> {
  return (await import("fast-glob")).default.isDynamicPattern(path);
}

/** Whether a file found in a directory (undefined: by a pattern) is selected; `maybe`: its content decides. */
type Selection = (path: string, directory: string | undefined) => boolean | "maybe";

function createSelection({ formats, include = [], exclude = [], byContent = false }: FindOptions): Selection {
  const [included, excluded] = [matcherOf(include), matcherOf(exclude)];
  return (path, directory) => {
    const name = basename(path);
    const below = directory === undefined ? name : relative(directory, path).replaceAll(sep, "/");
    if (excluded?.(below)) return false;
    if (included !== undefined) return included(below);
    if (directory === undefined) return true;
    const lower = name.toLowerCase();
    const usable = formats.filter(({ isSidecar }) => isSidecar?.(name) !== true);
    if (usable.some(({ extensions }) => extensions.some((extension) => lower.endsWith(extension)))) return true;
    return byContent && usable.length > 0 ? "maybe" : false;
  };
}

interface Search {
  pattern: string;
  cwd: string;
  /** The user gave the pattern; else `cwd` is the directory that the user gave. */
  isGiven: boolean;
  order: ((a: string, b: string) => number) | undefined;
}

async function* matches(isSelected: Selection, { pattern, cwd, isGiven, order }: Search): AsyncGenerator<Candidate> {
  const { default: glob } = await import("fast-glob");
  const directory = isGiven ? undefined : cwd;
  const options = {
    onlyFiles: true,
    followSymbolicLinks: false,
    dot: false,
    // absolute paths would get slashes instead of the backslashes that names may have on Unix
    absolute: false,
    cwd,
    unique: true,
    suppressErrors: false,
    fs: { readdir: readReadable as typeof readdir },
  };
  const found: string[] = [];
  const uncertain = new Set<string>();
  const broken: Candidate[] = [];
  try {
    for await (const match of glob.stream(pattern, options)) {
      const path = resolve(cwd, String(match));
      const selected = isSelected(path, directory);
      if (selected !== false) found.push(path);
      if (selected === "maybe") uncertain.add(path);
    }
  } catch (error) {
    yield { path: directory ?? pattern, problem: `could not be read: ${(error as Error).message}` };
    return;
  }
  if (found.length + broken.length === 0 && directory === undefined)
    yield { path: pattern, problem: "the pattern matches no file" };
  yield* broken;
  const root = resolve(cwd, (isGiven ? splitPattern(pattern)?.base : undefined) ?? ".");
  using folders = createFoldersOfFiles();
  for (const path of found.toSorted(order)) {
    const each = await candidate(path, { shown: path, root, folders });
    if (!uncertain.has(path) || ("file" in each && (await beginsAsPackage(each)))) yield each;
  }

  /** `readdir` for fast-glob: reports folders that cannot be read, and entries whose names are not UTF-8, as problems. */
  function readReadable(
    folder: string,
    _options: { withFileTypes: true },
    done: (error: NodeJS.ErrnoException | null, entries?: Dirent[]) => void,
  ): void {
    listFolder(folder).then(
      (listing) => {
        for (const { entry, shown } of listing.broken) {
          const path = join(folder, shown);
          if (isSelected(path, directory) === true || (entry.isDirectory() && pattern.includes("**")))
            broken.push({ path, problem: NO_UTF8 });
        }
        done(null, listing.entries);
      },
      (failure: NodeJS.ErrnoException) => {
        // a folder that cannot be read does not stop the others, and one that is gone is nobody's fault
        if (failure.code !== "ENOENT" || folder === cwd)
          broken.push({ path: folder, problem: `could not be read: ${failure.message}` });
        done(null, []);
      },
    );
  }
}

/** Whether a file begins as a container of packages. False for a file that could not be read. */
async function beginsAsPackage({ file, mark }: FoundFile): Promise<boolean> {
  try {
    await using handle = await openMarked(file.path, mark);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    const container = containerOf(buffer.subarray(0, bytesRead));
    return container !== undefined && container !== "html" && container !== "7z";
  } catch {
    return false;
  }
}

/** Sorts the files of a folder after everything in its subfolders. */
function folderOrder(a: string, b: string): number {
  const [first, second] = [a, b].map((path) => `${dirname(path)}/\u{10ffff}${basename(path)}`) as [string, string];
  return first < second ? -1 : 1;
}

/** `shown`: the path as the user gave it. `root`: the folder of a file that was given by itself, else the folder that was searched. */
async function candidate(
  absolute: string,
  { shown: path, root, folders }: { shown: string; root: string; folders: FoldersOfFiles },
): Promise<Candidate> {
  const name = basename(absolute);
  try {
    const folder = await folders.of(root, absolute);
    const info = await lstat(folder.at(name));
    if (info.isSymbolicLink()) return { path, problem: "is a symbolic link; links are not followed" };
    if (!info.isFile()) return { path, problem: "is not a regular file" };
    return { path, file: { path: absolute, size: info.size, name }, mark: markOf(info), root };
  } catch (error) {
    return {
      path,
      problem:
        (error as NodeJS.ErrnoException).code === "ENOENT" ? "vanished before it was read" : (error as Error).message,
    };
  }
}
