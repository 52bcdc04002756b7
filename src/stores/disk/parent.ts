// The folders of a key. Others may be able to write to a store's folders, so that a folder can become a symbolic link at
// any moment: each is opened through its parent's handle.
import { dirname } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { makeFoldersSync } from "../../lib/files/make-folders.ts";
import { openFolder, openFolderSync, type Folder } from "../../lib/files/open-folder.ts";
import { errnoOf } from "./errors.ts";
import { makeFolder, syncFolder } from "./folders.ts";
import type { Key } from "../../lib/key.ts";

/** The file name of a key. */
export function nameOf(key: Key): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

/**
 * Opens the folder of a key. The root may be a link; rejects with `denied` when a folder below it is one: its target is
 * outside this store. Undefined when the folder does not exist; with `make` it is created instead, and flushed with
 * `durable`, so that it survives a power cut.
 */
export async function openParent(root: string, key: Key, make: { durable: boolean }): Promise<Folder>;
export async function openParent(root: string, key: Key): Promise<Folder | undefined>;
export async function openParent(root: string, key: Key, make?: { durable: boolean }): Promise<Folder | undefined> {
  let folder: Folder;
  try {
    folder = await openRoot(root, make);
    for (const segment of key.split("/").slice(0, -1)) {
      using parent = folder;
      folder = await parent.folder(segment, { create: make !== undefined });
      if (make?.durable === true && folder.created) await flushed(parent, folder);
    }
    return folder;
  } catch (error) {
    if (make === undefined && isAbsence(error)) return undefined;
    throw linkRefused(error);
  }
}

async function openRoot(root: string, make: { durable: boolean } | undefined): Promise<Folder> {
  try {
    return await openFolder(root);
  } catch (error) {
    if (make === undefined || errnoOf(error) !== "ENOENT") throw error;
    await makeFolder(root, make.durable);
    return await openFolder(root);
  }
}

/** A new folder survives a power cut only when its parent is flushed. */
async function flushed(parent: Folder, made: Folder): Promise<void> {
  try {
    await syncFolder(parent.self);
  } catch (error) {
    made[Symbol.dispose]();
    throw error;
  }
}

/** Open folders of a batch of synchronous calls, each opened once. */
export interface FolderCache extends Disposable {
  /** The folder that `segments` lead to. Throws as `openParent` rejects, and `ENOENT`. */
  folder(root: string, segments: readonly string[], create?: boolean): Folder;
}

/** `onCreated` gets the path of the parent of each new folder. */
export function createFolderCache(onCreated: (parent: string) => void): FolderCache {
  const open = new Map<string, Folder>();
  function folder(root: string, segments: readonly string[], create = false): Folder {
    const name = JSON.stringify([root, ...segments]);
    const known = open.get(name);
    if (known !== undefined) return known;
    const parent = segments.length === 0 ? undefined : folder(root, segments.slice(0, -1), create);
    const found = parent?.folderSync(segments.at(-1) as string, { create }) ?? openRootSync(root, create);
    open.set(name, found);
    if (parent !== undefined && found.created) onCreated(parent.self);
    return found;
  }
  function openRootSync(root: string, create: boolean): Folder {
    try {
      return openFolderSync(root);
    } catch (error) {
      if (!create || errnoOf(error) !== "ENOENT") throw error;
    }
    const first = makeFoldersSync(root);
    for (let made = root; first !== undefined && made.length >= first.length; made = dirname(made))
      onCreated(dirname(made));
    return openFolderSync(root);
  }
  return {
    folder,
    [Symbol.dispose]() {
      for (const each of open.values()) each[Symbol.dispose]();
    },
  };
}

/** Whether the path does not exist. ENOTDIR is a path below a file, which cannot exist either. */
export function isAbsence(error: unknown): boolean {
  return errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR";
}

function linkRefused(error: unknown): unknown {
  if (errnoOf(error) !== "ELOOP") return error;
  const { path = "a folder" } = error as NodeJS.ErrnoException;
  const message = `${path} is a symbolic link, which feedctl does not follow inside a store`;
  return new FeedctlError("denied", message, { cause: error });
}
