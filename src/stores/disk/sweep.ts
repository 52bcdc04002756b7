import { lstat, readdir, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { diskError, errnoOf } from "./errors.ts";
import { isTemporaryName } from "./names.ts";
import { throwIfInterrupted } from "../shared/signal.ts";

/**
 * Deletes the temporary files below a disk store's path that were last written before `before`: those of writers that
 * died. Give it a day, for no file takes longer to write. Returns the paths it deleted. Symbolic links are not followed.
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
      // Gone meanwhile, file or folder: whatever is left of it, the next sweep finds.
      if (errnoOf(error) !== "ENOENT") throw diskError(error, "sweep", folder);
    }
  }
  return swept;
}

/** By the later of both times: a file that keeps its source's old modification time may have been made just now. */
async function isOlder(path: string, before: Date): Promise<boolean> {
  const { mtimeMs, ctimeMs } = await lstat(path);
  return Math.max(mtimeMs, ctimeMs) < before.getTime();
}
