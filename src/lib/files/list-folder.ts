import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { splitBrokenNames, type BrokenName } from "./broken-names.ts";

export interface FolderListing {
  /** Sorted by name, in UTF-16 order. */
  entries: Dirent[];
  /** Entries whose names are not UTF-8: their names as text do not open them. */
  broken: (BrokenName & { entry: Dirent })[];
}

/** Lists a folder, without its subfolders. Links are listed as links. Rejects with the file system's error. */
export async function listFolder(folder: string): Promise<FolderListing> {
  const { whole, broken } = await splitBrokenNames(folder, await readdir(folder, { withFileTypes: true }));
  return { entries: whole.sort((a, b) => (a.name < b.name ? -1 : 1)), broken };
}
