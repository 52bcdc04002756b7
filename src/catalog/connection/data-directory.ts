import { chmodSync, readdirSync, statSync } from "node:fs";
import { FeedctlError } from "../../errors.ts";
import { makeFoldersSync } from "../../lib/files/make-folders.ts";
import { findForeign, isForeign, isPrivate } from "../../lib/files/private-tree.ts";

/** What feedctl keeps in its data directory. */
const CONTENTS = new Set([
  "catalog",
  "catalog.creating",
  "catalog.lock",
  "downloads",
  "key",
  "mirrors",
  "packages",
  "uploads",
]);

/**
 * Creates the data directory, or prepares an existing one: only its owner may enter it. A directory that also holds
 * other things keeps its mode, because others may need those; the catalog in it has a mode of its own. Throws `denied`
 * when another user owns the directory, or may replace the catalog in it.
 */
export function createDataDirectory(dir: string): void {
  try {
    makeFoldersSync(dir, { mode: 0o700 });
    if (isForeign(dir)) throw foreign(dir);
    if (isPrivate(dir)) return;
    if (readdirSync(dir).every((name) => CONTENTS.has(name))) return chmodSync(dir, 0o700);
  } catch (error) {
    if (error instanceof FeedctlError) throw error;
    throw new FeedctlError("denied", `the data directory ${dir} could not be created: ${(error as Error).message}`, {
      cause: error,
      hint: "choose another with FEEDCTL_DATA_DIR",
    });
  }
  const writable = 0o022;
  if ((statSync(dir).mode & writable) === 0) return;
  throw new FeedctlError("denied", `the data directory ${dir} is refused: other users may write to it`, {
    hint: `choose a directory of your own with FEEDCTL_DATA_DIR, or run: chmod go-w ${dir}`,
  });
}

/** Throws `denied` when another user owns the catalog, or a file that others could place in it. */
export function refuseForeign(catalog: string): void {
  const path = isForeign(catalog) ? catalog : findForeign(catalog);
  if (path !== undefined) throw foreign(path);
}

function foreign(path: string): FeedctlError {
  return new FeedctlError("denied", `${path} belongs to another user`, {
    hint: "run feedctl as that user, or choose another data directory with FEEDCTL_DATA_DIR",
  });
}
