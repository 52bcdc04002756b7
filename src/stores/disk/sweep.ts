import { lstat, readdir, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { diskError, errnoOf } from "./errors.ts";
import { isTemporaryName } from "./names.ts";
import { throwIfInterrupted } from "../shared/signal.ts";

/**
 * Deletes the temporary files of crashed writers: those below a disk store's path that were last written before
 * `before`, which should be a day ago, because no file takes longer to write. Returns the deleted paths. Does not
 * follow symbolic links.
 */
export async function sweepTemporaryFiles(path: string, before: Date, signal?: AbortSignal): Promise<string[]> {
  const swept: string[] = [];
  const folders = [resolve(path)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    throwIfInterrupted(signal);
    try {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        const name = join(folder, entry.name);
        if (entry.isDirectory()) folders.push(name);
        else if (entry.isFile() && isTemporaryName(entry.name) && (await isOlder(name, before))) {
          await unlink(name);
          swept.push(name);
        }
      }
    } catch (error) {
      // A file or folder was deleted meanwhile. The next sweep handles the rest of the folder.
      if (errnoOf(error) !== "ENOENT") throw diskError(error, "sweep", folder);
    }
  }
  return swept;
}

/** Compares the later of mtime and ctime: a new file may have the old mtime of its source. */
async function isOlder(path: string, before: Date): Promise<boolean> {
  const { mtimeMs, ctimeMs } = await lstat(path);
  return Math.max(mtimeMs, ctimeMs) < before.getTime();
}
