import type { Dirent, readdir } from "node:fs";
import { lstat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Format } from "../../formats/format.ts";
import { listFolder } from "../../lib/list-folder.ts";
import type { Context } from "../context.ts";
import { matcherOf } from "../local-files/patterns.ts";
import { markOf } from "../local-files/file-mark.ts";
import type { FoundFile } from "../local-files/found-file.ts";

/** A file to import, or why a path cannot be one. */
export type Candidate = FoundFile | { path: string; problem: string };

export interface FindOptions {
  recursive: boolean;
  /** Of directories those files are taken whose names end as these formats' packages do. */
  formats: readonly Format[];
  /** Patterns, relative to the directory that is searched: only what one of them matches; what none of them matches. */
  include?: readonly string[] | undefined;
  exclude?: readonly string[] | undefined;
  /** The files of a folder come together, after those of the folders in it: so they can be deleted together. */
  byFolder?: boolean | undefined;
}

/**
 * Files of the paths as given: a file as it is (its content decides, not its name), a directory's package files (with
 * `recursive` those below it too), a pattern's matches. Links are not followed. Order: as given, then by name or by folder.
 */
export async function* findPackageFiles(
  context: Context,
  paths: readonly string[],
  options: FindOptions,
): AsyncGenerator<Candidate> {
  const wanted = createWanted(options);
  const order = options.byFolder ? folderOrder : undefined;
  for (const path of paths) {
    context.signal.throwIfAborted();
    const info = await lstat(path).catch((error: NodeJS.ErrnoException) => error);
    if (info instanceof Error) {
      // a backslash is an escape in patterns, and what separates folders on Windows, whose shells expand no pattern
      const pattern = context.platform === "win32" ? path.replaceAll("\\", "/") : path;
      if (info.code === "ENOENT" && (await isPattern(pattern))) {
        yield* matches(wanted, pattern, undefined, order);
        continue;
      }
      const missing = path.includes("\ufffd") ? `no such file, or ${NO_UTF8}` : "no such file";
      yield { path, problem: info.code === "ENOENT" ? missing : info.message };
    } else if (info.isDirectory()) {
      yield* matches(wanted, options.recursive ? "**/*" : "*", resolve(path), order);
    } else {
      yield await candidate(path);
    }
  }
}

const NO_UTF8 = "its name is not UTF-8 text; rename it";

async function isPattern(path: string): Promise<boolean> {
  return (await import("fast-glob")).default.isDynamicPattern(path);
}

/** Whether a file of a directory (undefined: of a pattern) is to be taken. */
type Wanted = (path: string, directory: string | undefined) => boolean;

function createWanted({ formats, include = [], exclude = [] }: FindOptions): Wanted {
  const [included, excluded] = [matcherOf(include), matcherOf(exclude)];
  return (path, directory) => {
    const name = basename(path);
    const below = directory === undefined ? name : relative(directory, path).replaceAll("\\", "/");
    if (excluded?.(below)) return false;
    if (included !== undefined) return included(below);
    if (directory === undefined) return true;
    const lower = name.toLowerCase();
    return formats.some(
      ({ extensions, isSidecar }) =>
        extensions.some((extension) => lower.endsWith(extension)) && isSidecar?.(name) !== true,
    );
  };
}

async function* matches(
  wanted: Wanted,
  pattern: string,
  directory: string | undefined,
  order: ((a: string, b: string) => number) | undefined,
): AsyncGenerator<Candidate> {
  const { default: glob } = await import("fast-glob");
  const options = {
    onlyFiles: true,
    followSymbolicLinks: false,
    dot: false,
    absolute: true,
    unique: true,
    suppressErrors: false,
    fs: { readdir: readReadable as typeof readdir },
  };
  const found: string[] = [];
  const broken: Candidate[] = [];
  try {
    for await (const path of glob.stream(pattern, directory === undefined ? options : { ...options, cwd: directory })) {
      if (wanted(String(path), directory)) found.push(String(path));
    }
  } catch (error) {
    yield { path: directory ?? pattern, problem: `cannot be read: ${(error as Error).message}` };
    return;
  }
  if (found.length + broken.length === 0 && directory === undefined)
    yield { path: pattern, problem: "the pattern matches no file" };
  yield* broken;
  for (const path of found.toSorted(order)) yield await candidate(path);

  /** As the search reads folders, without what it could not open. */
  function readReadable(
    folder: string,
    _options: { withFileTypes: true },
    done: (error: NodeJS.ErrnoException | null, entries?: Dirent[]) => void,
  ): void {
    listFolder(folder).then(
      (listing) => {
        for (const { entry, shown } of listing.broken) {
          const path = join(folder, shown);
          if (wanted(path, directory) || (entry.isDirectory() && pattern.includes("**")))
            broken.push({ path, problem: NO_UTF8 });
        }
        done(null, listing.entries);
      },
      (failure: NodeJS.ErrnoException) => done(failure),
    );
  }
}

/** Compares paths as if a folder's own files had names that come after all others. */
function folderOrder(a: string, b: string): number {
  const [first, second] = [a, b].map((path) => `${dirname(path)}/\u{10ffff}${basename(path)}`) as [string, string];
  return first < second ? -1 : 1;
}

async function candidate(path: string): Promise<Candidate> {
  try {
    const info = await lstat(path);
    if (info.isSymbolicLink()) return { path, problem: "is a symbolic link; links are not followed" };
    if (!info.isFile()) return { path, problem: "is not a regular file" };
    return { path, file: { path: resolve(path), size: info.size, name: basename(path) }, mark: markOf(info) };
  } catch (error) {
    return {
      path,
      problem:
        (error as NodeJS.ErrnoException).code === "ENOENT" ? "vanished before it was read" : (error as Error).message,
    };
  }
}
