import { lstat, readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { openFolder, type Folder } from "../../lib/files/open-folder.ts";
import type { Key } from "../../lib/key.ts";
import { diskError, errnoOf } from "./errors.ts";
import { isTemporaryName } from "./names.ts";
import { isAbsence, nameOf, openParent } from "./parent.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { UnfinishedUpload, UnfinishedUploads } from "../unfinished.ts";

/**
 * The temporary files of writers below a disk store's root. Those that were last written a day ago belong to crashed
 * ones, because no file takes longer to write. Does not follow symbolic links.
 */
export function temporaryFiles(root: string): UnfinishedUploads {
  async function* below(folder: Folder, prefix: string, signal?: AbortSignal): AsyncGenerator<UnfinishedUpload> {
    throwIfInterrupted(signal);
    try {
      for (const entry of await readdir(folder.self, { withFileTypes: true })) {
        if (entry.isDirectory()) {
          using inner = await folder.folder(entry.name);
          yield* below(inner, `${prefix}${entry.name}/`, signal);
        } else if (entry.isFile() && isTemporaryName(entry.name)) {
          const { size, mtimeMs, ctimeMs } = await lstat(folder.at(entry.name));
          // The later of both: a new file may have the old mtime of its source.
          yield { name: prefix + entry.name, since: new Date(Math.max(mtimeMs, ctimeMs)), bytes: size, isOurs: true };
        }
      }
    } catch (error) {
      // A file or folder was deleted or replaced meanwhile. The next listing has the rest of the folder.
      if (!["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "")) throw diskError(error, "list", folder.path);
    }
  }

  return {
    expire: false,
    async *list({ signal } = {}) {
      let opened: Folder;
      try {
        opened = await openFolder(root);
      } catch (error) {
        if (errnoOf(error) === "ENOENT") return;
        throw diskError(error, "list", root);
      }
      using folder = opened;
      yield* below(folder, "", signal);
    },
    async discard({ name }, { signal } = {}) {
      throwIfInterrupted(signal);
      if (!isTemporaryName(nameOf(name as Key))) return;
      try {
        using folder = await openParent(root, name as Key);
        if (folder !== undefined) await unlink(folder.at(nameOf(name as Key)));
      } catch (error) {
        if (!isAbsence(error)) throw diskError(error, "delete", join(root, name));
      }
    },
  };
}
