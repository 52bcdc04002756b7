import { stat, lstat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { openFolder, type Folder } from "../../lib/files/open-folder.ts";
import { listFolder, type FolderListing } from "../../lib/files/list-folder.ts";
import { isMarker, isProbe } from "../../lib/key.ts";
import type { Context } from "../context.ts";
import { splitPattern } from "./patterns.ts";

/** A local file or folder with its path relative to the destination, or a path that cannot be used. */
export type LocalItem =
  | { kind: "folder"; local: string; path: string }
  /** `root`: a folder above it, below which no link is followed. */
  | { kind: "file"; local: string; root: string; path: string }
  /** `skip`: it counts as skipped, not as failed. */
  | { kind: "problem"; local: string; reason: string; skip: boolean };

/**
 * Lists the files that the given paths select. Links are not followed, except one that is given with `/` at its end: it names
 * the folder that it leads to.
 * - A file gets its name as path.
 * - A folder's files get paths below the folder's name; without the name when the path ends with `/`, `.` or `..`.
 *   Subfolders, empty ones included, need `recursive`.
 * - A pattern's files get paths relative to the pattern's base folder.
 * `isSelected` gets paths below the given folder, or below the pattern's base. Files that are given by name are selected.
 */
export async function* findLocalFiles(
  context: Context,
  paths: readonly string[],
  options: { recursive: boolean; cwd: string; isSelected?: ((path: string) => boolean) | undefined },
): AsyncGenerator<LocalItem> {
  const { signal } = context;
  const { isSelected } = options;
  for (const given of paths) {
    context.signal.throwIfAborted();
    const text = context.platform === "win32" ? given.replaceAll("\\", "/") : given;
    const local = resolve(options.cwd, text);
    const info = await (/\/\.?$/.test(text) ? stat : lstat)(local).catch((error: NodeJS.ErrnoException) => error);
    if (info instanceof Error) {
      const pattern = info.code === "ENOENT" ? splitPattern(text) : undefined;
      if (pattern !== undefined) yield* matching(given, pattern, options);
      else yield problem(given, info.code === "ENOENT" ? "no such file or folder" : info.message);
    } else if (info.isFile()) yield { kind: "file", local, root: dirname(local), path: basename(local) };
    else if (info.isDirectory()) {
      const contents = /(^|\/)\.{0,2}\/*$/.test(text) && (text.endsWith("/") || /(^|\/)\.{1,2}$/.test(text));
      const name = contents ? "" : basename(local);
      if (name !== "") yield { kind: "folder", local, path: name };
      yield* walkFrom(local, name, { recursive: options.recursive, signal, isSelected });
    } else yield problem(given, info.isSymbolicLink() ? LINK : SPECIAL);
  }

  async function* matching(
    given: string,
    { base, matches }: NonNullable<ReturnType<typeof splitPattern>>,
    { cwd }: { cwd: string },
  ): AsyncGenerator<LocalItem> {
    let found = 0;
    const root = resolve(cwd, base);
    if ((await stat(root).catch(() => undefined))?.isDirectory())
      for await (const item of walkFrom(root, "", { recursive: true, signal, isSelected })) {
        if (item.kind !== "file" || !matches(item.path)) continue;
        found++;
        yield item;
      }
    if (found === 0) yield problem(given, "the pattern matches no file");
  }
}

const LINK = "is a symbolic link; links are not followed";
const SPECIAL = "is not a regular file";

function problem(local: string, reason: string): LocalItem {
  return { kind: "problem", local, reason, skip: false };
}

interface Walk {
  root: string;
  recursive: boolean;
  signal: AbortSignal;
}

interface Selection extends Omit<Walk, "root"> {
  isSelected: ((path: string) => boolean) | undefined;
}

async function* walkFrom(
  root: string,
  path: string,
  { recursive, signal, isSelected }: Selection,
): AsyncGenerator<LocalItem> {
  signal.throwIfAborted();
  const folder = await openFolder(root).catch((error: unknown) => error as Error);
  if (folder instanceof Error) return yield unreadable(root, folder);
  using opened = folder;
  for await (const item of walk(opened, path, { root, recursive, signal }))
    if (isSelected?.(relative(root, item.local).replaceAll(sep, "/")) !== false) yield item;
}

async function* walk(folder: Folder, path: string, options: Walk): AsyncGenerator<LocalItem> {
  const { root, recursive, signal } = options;
  signal.throwIfAborted();
  let listing: FolderListing;
  try {
    listing = await listFolder(folder.self);
  } catch (error) {
    return yield unreadable(folder.path, folder.explain(error) as Error);
  }
  for (const { shown } of listing.broken)
    yield problem(join(folder.path, shown), "its name is not UTF-8 text; rename it");
  for (const entry of listing.entries) {
    const local = join(folder.path, entry.name);
    const inner = path === "" ? entry.name : `${path}/${entry.name}`;
    if ((isMarker(entry.name) && entry.isFile()) || isProbe(inner)) continue;
    if (entry.name.includes("\ufffd") && (await lstat(folder.at(entry.name)).catch(() => undefined)) === undefined)
      yield problem(local, "its name is not UTF-8");
    else if (entry.isFile()) yield { kind: "file", local, root, path: inner };
    else if (entry.isDirectory()) {
      if (!recursive) {
        yield { kind: "problem", local, reason: "is a folder; use --recursive for its files", skip: true };
        continue;
      }
      const next = await folder.folder(entry.name).catch((error: unknown) => error as Error);
      if (next instanceof Error) {
        yield unreadable(local, next);
        continue;
      }
      using opened = next;
      yield { kind: "folder", local, path: inner };
      yield* walk(opened, inner, options);
    } else yield { kind: "problem", local, reason: entry.isSymbolicLink() ? LINK : SPECIAL, skip: true };
  }
}

function unreadable(folder: string, error: Error): LocalItem {
  return problem(folder, `could not be read: ${error.message}`);
}
