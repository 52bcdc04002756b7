import { mkdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

interface MakeOptions {
  /** Permissions of new folders. */
  mode?: number | undefined;
}

/**
 * Creates a folder and its missing parents. Returns the first of them that was created; undefined when the folder exists.
 *
 * Node's recursive `mkdir` reports every folder that it could not create as one that does not exist (ENOENT), also on a
 * read-only file system. The error of this function has the real reason.
 */
export async function makeFolders(path: string, { mode }: MakeOptions = {}): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true, mode });
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  const first = dirname(path) === path ? undefined : await makeFolders(dirname(path), { mode });
  const made = await mkdir(path, { mode }).then(() => path, unlessExists);
  return first ?? made;
}

/** As `makeFolders`, for threads that may block. */
export function makeFoldersSync(path: string, { mode }: MakeOptions = {}): string | undefined {
  try {
    return mkdirSync(path, { recursive: true, mode });
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  const first = dirname(path) === path ? undefined : makeFoldersSync(dirname(path), { mode });
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    unlessExists(error);
    return first;
  }
  return first ?? path;
}

function unlessExists(error: unknown): undefined {
  if (codeOf(error) !== "EEXIST") throw error;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
