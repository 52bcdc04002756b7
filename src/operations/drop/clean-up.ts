import { readdir, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { FoundFile } from "../local-files/found-file.ts";
import { openFolderOf, removeSource } from "../local-files/file-mark.ts";

const CHECKSUM = /\.(?:md5|sha1|sha256|sha512)$/i;

export function isChecksum(path: string): boolean {
  return CHECKSUM.test(path);
}

/** The path of the file that a checksum is about. */
export function withoutChecksum(path: string): string {
  return path.replace(CHECKSUM, "");
}

export interface CleanUp {
  /** Paths of the imported files. */
  imported: ReadonlySet<string>;
  /** Folders from which a scan imported that died. */
  folders: readonly string[];
  sidecars: readonly FoundFile[];
}

/**
 * Deletes the sidecars of imported files and the folders that are empty then. A folder from which no file was imported
 * stays, because it may have just been created; so does the drop path itself. What could not be deleted is left to the
 * next scan that imports a file from the same folder.
 */
export async function cleanUpAfterImport(root: string, { imported, folders, sidecars }: CleanUp): Promise<void> {
  const byPath = new Map(sidecars.map((sidecar) => [sidecar.path, sidecar]));
  const common = new Map<string, FoundFile>();
  for (const sidecar of sidecars) {
    if (!isChecksum(sidecar.path)) common.set(sidecar.path, sidecar);
    else if (imported.has(withoutChecksum(sidecar.path))) await remove(sidecar);
  }
  for (const folder of new Set([...[...imported].map((path) => dirname(path)), ...folders])) await tidy(folder);

  async function remove(sidecar: FoundFile | undefined): Promise<void> {
    if (sidecar !== undefined) await removeSource(sidecar).catch(() => "kept");
  }

  /** Deletes sidecars that belong to the whole folder, such as indexes, when nothing else is left, then the folder. */
  async function tidy(folder: string): Promise<void> {
    try {
      using opened = await openFolderOf(root, join(folder, "any"));
      const left = (await readdir(opened.self)).map((name) => join(folder, name));
      const checksumsOfCommon = (path: string) => isChecksum(path) && common.has(withoutChecksum(path));
      if (!left.every((path) => common.has(path) || checksumsOfCommon(path))) return;
      for (const path of left) await remove(byPath.get(path));
      if (folder === root) return;
      using parent = await openFolderOf(root, folder);
      await rmdir(parent.at(basename(folder)));
    } catch {
      return; // in use, or deleted already
    }
    await tidy(dirname(folder));
  }
}
