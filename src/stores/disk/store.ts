import { link, lstat, unlink } from "node:fs/promises";
import { platform as currentPlatform } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { foldsCase } from "./case.ts";
import { diskError } from "./errors.ts";
import { createFastPut } from "./fast.ts";
import { createFastRead } from "./fast-read.ts";
import { removeEmptyFolders } from "./folders.ts";
import { sameBlob } from "../same-tag.ts";
import { temporaryFiles } from "./sweep.ts";
import { describeFile, tagOf } from "./info.ts";
import { listFiles } from "./list.ts";
import { diskNameProblem } from "./names.ts";
import { isAbsence, nameOf, openParent } from "./parent.ts";
import { openBlobFile, resolveRange, streamFile } from "./read.ts";
import { writeFileWhole } from "./write.ts";
import type { MakeLink } from "./write.ts";
import type { Key } from "../../lib/key.ts";
import { throwIfInterrupted } from "../shared/signal.ts";
import type { DiskConfig } from "./config.ts";
import type { Store } from "../store.ts";

/** What tests replace: the operating system, a file system with hard links. */
export interface DiskSystem {
  platform?: NodeJS.Platform | undefined;
  makeLink?: MakeLink | undefined;
  callsBeforeThreads?: number | undefined;
}

/** How many puts or reads of small blobs a store handles before it starts threads. Most commands handle only a few. */
const CALLS_BEFORE_THREADS = 32;

/**
 * Opens a directory as a store. A key is the path of a regular file below it, byte for byte. Folders are created and
 * removed as keys need them. Symbolic links inside the directory are never followed, read, or deleted. A file's time is
 * kept; content type, cache-control and user metadata are not.
 */
export async function openDiskStore(config: DiskConfig, system: DiskSystem = {}): Promise<Store> {
  const { platform = currentPlatform(), makeLink = link, callsBeforeThreads = CALLS_BEFORE_THREADS } = system;
  if (!isAbsolute(config.path)) {
    throw new FeedctlError("usage", `the store path ${config.path} is not an absolute path on this machine`);
  }
  const root = resolve(config.path);
  const pathOf = (key: Key) => join(root, key);
  let atomicCreate = true;
  let puts = 0;
  let reads = 0;
  const fast = createFastPut(root);
  const fastRead = createFastRead();

  async function openBlob(key: Key): ReturnType<typeof openBlobFile> {
    try {
      using folder = await openParent(root, key);
      return folder && (await openBlobFile(folder, nameOf(key), pathOf(key)));
    } catch (error) {
      throw diskError(error, "read", pathOf(key));
    }
  }

  return {
    // As configured: the user knows a mapped drive or UNC path better than the path it resolves to.
    name: `disk ${config.path}`,
    type: "disk",
    features: {
      listsAll: true,
      sortedList: true,
      // True until a put finds that the file system has no hard links, such as FAT. Only a put can find out.
      get atomicCreate() {
        return atomicCreate;
      },
      metadata: false,
    },

    async head(key, { signal } = {}) {
      throwIfInterrupted(signal);
      if (diskNameProblem(key, platform) !== undefined) return undefined;
      try {
        using folder = await openParent(root, key);
        const stats = folder && (await lstat(folder.at(nameOf(key))));
        return stats?.isFile() === true ? describeFile(key, stats) : undefined;
      } catch (error) {
        if (isAbsence(error)) return undefined;
        throw diskError(error, "read", pathOf(key));
      }
    },

    async get(key, { range, known, onInfo, signal } = {}) {
      throwIfInterrupted(signal);
      const file = diskNameProblem(key, platform) === undefined ? await openBlob(key) : undefined;
      if (file === undefined) throw new FeedctlError("not-found", `${pathOf(key)} does not exist`);
      try {
        if (known?.tag !== undefined && !sameBlob(known.tag, tagOf(file.stats))) {
          throw new FeedctlError("corrupt", `${pathOf(key)} changed while it was being read`);
        }
        const bytes = resolveRange(range, file.stats.size, pathOf(key));
        onInfo?.(describeFile(key, file.stats));
        return streamFile(file.handle, pathOf(key), bytes, signal);
      } catch (error) {
        await file.handle.close();
        throw error;
      }
    },

    async read(blob, { signal } = {}) {
      throwIfInterrupted(signal);
      if (++reads <= callsBeforeThreads || diskNameProblem(blob.key, platform) !== undefined) return undefined;
      return fastRead.read(blob, { path: pathOf(blob.key), pathRoot: root });
    },

    async put(key, source, options) {
      throwIfInterrupted(options.signal);
      const problem = diskNameProblem(key, platform);
      if (problem !== undefined) throw new FeedctlError("invalid", `cannot write ${pathOf(key)}: ${problem}`);
      // Threads cannot use the link function of a test.
      if (++puts > callsBeforeThreads && atomicCreate && makeLink === link) {
        const put = await fast.put(key, source, options);
        if (put !== undefined) return put;
      }
      const written = await writeFileWhole({ root, key, target: pathOf(key) }, source, options, makeLink);
      if (written.withoutLinks) atomicCreate = false;
      return { outcome: written.outcome, tag: tagOf(written.stats), sha256: written.sha256 };
    },

    list: (prefix, options = {}) => listFiles(root, prefix, options),

    async delete(key, { signal } = {}) {
      throwIfInterrupted(signal);
      if (diskNameProblem(key, platform) !== undefined) return;
      try {
        using folder = await openParent(root, key);
        if (folder === undefined) return;
        const path = folder.at(nameOf(key));
        if (!(await lstat(path)).isFile()) return;
        await unlink(path);
      } catch (error) {
        if (!isAbsence(error)) throw diskError(error, "delete", pathOf(key));
      }
      await removeEmptyFolders(root, key);
    },

    unfinished: temporaryFiles(root),
    localPath: pathOf,
    nameProblem: (key) => diskNameProblem(key, platform),
    foldsCase: () => foldsCase(root),

    [Symbol.asyncDispose]: async () => void (await Promise.all([fast.close(), fastRead.close()])),
  };
}
