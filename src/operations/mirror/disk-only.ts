import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";

/** Throws `usage` when an option needs two disks, and the source or the target is a cloud. */
export function requireDisks(
  source: Store,
  target: Store,
  { copyModes = false, emptyFolders = false }: { copyModes?: boolean | undefined; emptyFolders?: boolean | undefined },
): void {
  if (!copyModes && !emptyFolders) return;
  const other = [source, target].find(({ localPath }) => localPath === undefined);
  if (other === undefined) return;
  const what = copyModes ? "modes of files" : "empty directories";
  throw new FeedctlError("usage", `${other.name} has no ${what}: only disks do`, {
    hint: `leave out ${copyModes ? "--copy-modes" : "--empty-dirs"}`,
  });
}

/** The directory of a disk store. */
export function rootOf({ localPath, name }: Store): string {
  if (localPath === undefined) throw new Error(`${name} is no disk`);
  return localPath("x" as Key).slice(0, -2);
}
