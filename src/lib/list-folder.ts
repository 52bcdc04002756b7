import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { splitBrokenNames, type BrokenName } from "./broken-names.ts";

export interface FolderListing {
  /** By name, in the order of UTF-16 code units. */
  entries: Dirent[];
  /** Entries whose names are no UTF-8 text: nothing can be opened by such a name. */
  broken: (BrokenName & { entry: Dirent })[];
}

/** What is directly in a folder of this machine; links are listed as links. Rejects with the file system's error. */
export async function listFolder(folder: string): Promise<FolderListing> {
  const { whole, broken } = await splitBrokenNames(folder, await readdir(folder, { withFileTypes: true }));
  return { entries: whole.sort((a, b) => (a.name < b.name ? -1 : 1)), broken };
}
