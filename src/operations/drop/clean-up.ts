import { readdir, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FoundFile } from "../local-files/found-file.ts";
import { removeSource } from "../local-files/file-mark.ts";

const CHECKSUM = /\.(?:md5|sha1|sha256|sha512)$/i;

/**
 * After a scan: what accompanied the files that were taken goes with them, and so do the folders that are empty now. A
 * folder from which nothing was taken stays, for somebody may have made it a moment ago, and so does the drop path. What
 * cannot be removed is left to the next scan that takes something from its folder.
 */
export async function clearAfterTaking(
  root: string,
  taken: ReadonlySet<string>,
  sidecars: readonly FoundFile[],
): Promise<void> {
  const byPath = new Map(sidecars.map((sidecar) => [sidecar.path, sidecar]));
  const common = new Map<string, FoundFile>();
  for (const sidecar of sidecars) {
    if (!CHECKSUM.test(sidecar.path)) common.set(sidecar.path, sidecar);
    else if (taken.has(sidecar.path.replace(CHECKSUM, ""))) await remove(sidecar);
  }
  for (const folder of new Set([...taken].map((path) => dirname(path)))) await tidy(folder);

  async function remove(sidecar: FoundFile | undefined): Promise<void> {
    if (sidecar !== undefined) await removeSource(sidecar.path, sidecar.mark).catch(() => "kept");
  }

  /** Indexes and the like accompany all that is in their folder: they go when nothing else is there. */
  async function tidy(folder: string): Promise<void> {
    try {
      const left = (await readdir(folder)).map((name) => join(folder, name));
      const checksumsOfCommon = (path: string) => CHECKSUM.test(path) && common.has(path.replace(CHECKSUM, ""));
      if (!left.every((path) => common.has(path) || checksumsOfCommon(path))) return;
      for (const path of left) await remove(byPath.get(path));
      if (folder === root) return;
      await rmdir(folder);
    } catch {
      return; // somebody uses it, or it is gone
    }
    await tidy(dirname(folder));
  }
}
