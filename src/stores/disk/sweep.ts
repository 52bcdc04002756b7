import { lstat, readdir, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openFolder, type Folder } from "../../lib/files/open-folder.ts";
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
  try {
    using root = await openFolder(resolve(path));
    await sweepFolder(root);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw diskError(error, "sweep", path);
  }
  return swept;

  async function sweepFolder(folder: Folder): Promise<void> {
    throwIfInterrupted(signal);
    try {
      for (const entry of await readdir(folder.self, { withFileTypes: true })) {
        if (entry.isDirectory()) {
          using inner = await folder.folder(entry.name);
          await sweepFolder(inner);
        } else if (entry.isFile() && isTemporaryName(entry.name) && (await isOlder(folder.at(entry.name), before))) {
          await unlink(folder.at(entry.name));
          swept.push(join(folder.path, entry.name));
        }
      }
    } catch (error) {
      // A file or folder was deleted or replaced meanwhile. The next sweep handles the rest of the folder.
      if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "")) throw diskError(error, "sweep", folder.path);
    }
  }
}

/** Compares the later of mtime and ctime: a new file may have the old mtime of its source. */
async function isOlder(path: string, before: Date): Promise<boolean> {
  const { mtimeMs, ctimeMs } = await lstat(path);
  return Math.max(mtimeMs, ctimeMs) < before.getTime();
}
