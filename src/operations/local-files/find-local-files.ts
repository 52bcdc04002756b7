import { stat, lstat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { listFolder, type FolderListing } from "../../lib/list-folder.ts";
import { isMarker } from "../../lib/key.ts";
import type { Context } from "../context.ts";
import { splitPattern } from "./patterns.ts";

/** A local file or folder with its path relative to the destination, or a path that cannot be used. */
export type LocalItem =
  | { kind: "file" | "folder"; local: string; path: string }
  /** `skip`: it counts as skipped, not as failed. */
  | { kind: "problem"; local: string; reason: string; skip: boolean };

/**
 * Lists the files that the given paths select. Links are not followed.
 * - A file gets its name as path.
 * - A folder's files get paths below the folder's name; without the name when the path ends with `/`, `.` or `..`.
 *   Subfolders, empty ones included, need `recursive`.
 * - A pattern's files get paths relative to the pattern's base folder.
 */
export async function* findLocalFiles(
  context: Context,
  paths: readonly string[],
  options: { recursive: boolean; cwd: string },
): AsyncGenerator<LocalItem> {
  for (const given of paths) {
    context.signal.throwIfAborted();
    const text = context.platform === "win32" ? given.replaceAll("\\", "/") : given;
    const local = resolve(options.cwd, text);
    const info = await lstat(local).catch((error: NodeJS.ErrnoException) => error);
    if (info instanceof Error) {
      const pattern = info.code === "ENOENT" ? splitPattern(text) : undefined;
      if (pattern !== undefined) yield* matching(given, pattern, options);
      else yield problem(given, info.code === "ENOENT" ? "no such file or folder" : info.message);
    } else if (info.isFile()) yield { kind: "file", local, path: basename(local) };
    else if (info.isDirectory()) {
      const contents = /(^|\/)\.{0,2}\/*$/.test(text) && (text.endsWith("/") || /(^|\/)\.{1,2}$/.test(text));
      const name = contents ? "" : basename(local);
      if (name !== "") yield { kind: "folder", local, path: name };
      yield* walk(local, name, options.recursive, context.signal);
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
      for await (const item of walk(root, "", true, context.signal)) {
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

async function* walk(folder: string, path: string, recursive: boolean, signal: AbortSignal): AsyncGenerator<LocalItem> {
  signal.throwIfAborted();
  let listing: FolderListing;
  try {
    listing = await listFolder(folder);
  } catch (error) {
    yield problem(folder, `could not be read: ${(error as Error).message}`);
    return;
  }
  for (const { shown } of listing.broken) yield problem(join(folder, shown), "its name is not UTF-8 text; rename it");
  for (const entry of listing.entries) {
    if (isMarker(entry.name) && entry.isFile()) continue;
    const local = join(folder, entry.name);
    const inner = path === "" ? entry.name : `${path}/${entry.name}`;
    if (entry.name.includes("\ufffd") && (await lstat(local).catch(() => undefined)) === undefined)
      yield problem(local, "its name is not UTF-8");
    else if (entry.isFile()) yield { kind: "file", local, path: inner };
    else if (entry.isDirectory()) {
      if (!recursive) {
        yield { kind: "problem", local, reason: "is a folder; use --recursive for its files", skip: true };
        continue;
      }
      yield { kind: "folder", local, path: inner };
      yield* walk(local, inner, recursive, signal);
    } else yield { kind: "problem", local, reason: entry.isSymbolicLink() ? LINK : SPECIAL, skip: true };
  }
}
