// Folders that others may write to are opened once and used through the handle. Whoever may write to a folder can
// replace a folder in it by a symbolic link between any two calls, so a path that was checked proves nothing.
import { closeSync, constants, existsSync, lstatSync, mkdir, mkdirSync, open, openSync } from "node:fs";
import { platform } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const [openAsync, mkdirAsync] = [promisify(open), promisify(mkdir)];

/** O_PATH of Linux, which node:fs does not name: opening needs the permission to search a folder, not to read it. */
export const O_PATH = 0o10000000;
const FOLDER = O_PATH | (constants.O_DIRECTORY ?? 0);
const REAL_FOLDER = FOLDER | (constants.O_NOFOLLOW ?? 0);

/** An open folder. */
export interface Folder extends Disposable {
  /** Its path by name, for messages. */
  readonly path: string;
  /** Its path for calls of node:fs that read the folder itself. */
  readonly self: string;
  /** Whether the call that opened it has also made it. */
  readonly created: boolean;
  /** The path of an entry for calls of node:fs. The entry itself may be a link: pass O_NOFOLLOW, or use lstat. */
  at(name: string): string;
  /**
   * Opens a folder in it. With `create`, makes it when it does not exist. Rejects with `ENOENT`, `ENOTDIR`, and with
   * `ELOOP` for a symbolic link.
   */
  folder(name: string, options?: { create?: boolean | undefined }): Promise<Folder>;
  /** As `folder`, for threads that may block. */
  folderSync(name: string, options?: { create?: boolean | undefined }): Folder;
  /** An error of a call that used `at` or `self`, with the path by name instead of that of the handle. */
  explain(error: unknown): unknown;
}

/**
 * How folders are used. `handles`: through `/proc/self/fd`, which no rename can redirect. `names`: by path; every use
 * first checks that each folder between the root and the entry is still the one that was opened. That leaves a moment
 * between check and use, but Windows and macOS offer nothing better to Node.
 */
export type FolderAccess = "handles" | "names";

const available: FolderAccess = platform() === "linux" && existsSync("/proc/self/fd") ? "handles" : "names";

/** Opens an entry itself, whatever it is and whoever may read it. Where there is no O_PATH it must be readable. */
export const ENTRY_ITSELF = (available === "handles" ? O_PATH : constants.O_RDONLY) | (constants.O_NOFOLLOW ?? 0);

/** Opens a folder by its path, in which links are followed: the caller's user has named it. */
export async function openFolder(path: string, access: FolderAccess = available): Promise<Folder> {
  return access === "names" ? named([path]) : handled(path, await openAsync(path, FOLDER), false);
}

/** As `openFolder`, for threads that may block. */
export function openFolderSync(path: string, access: FolderAccess = available): Folder {
  return access === "names" ? named([path]) : handled(path, openSync(path, FOLDER), false);
}

/**
 * Opens the folder that `segments` lead to from `root`. Links are followed in `root`, and nowhere below it. Rejects as
 * `Folder.folder`.
 */
export async function openFolderBelow(
  root: string,
  segments: readonly string[],
  options: { create?: boolean | undefined; access?: FolderAccess | undefined } = {},
): Promise<Folder> {
  let folder = await openFolder(root, options.access);
  for (const name of segments) {
    using parent = folder;
    folder = await parent.folder(name, options);
  }
  return folder;
}

/** A path that opens the file of this descriptor again, where the system has one; otherwise `path`. */
export function descriptorPath(descriptor: number, path: string): string {
  return available === "handles" ? `/proc/self/fd/${descriptor}` : path;
}

function handled(path: string, descriptor: number, created: boolean): Folder {
  const self = `/proc/self/fd/${descriptor}`;
  const at = (name: string) => `${self}/${checked(name)}`;
  const explain = (error: unknown) => withPath(error, self, path);
  const failure = (error: unknown, name: string) => {
    // Linux reports a link as ENOTDIR, because its target is not asked
    const isLink = codeOf(error) === "ENOTDIR" && lstatSync(at(name), { throwIfNoEntry: false })?.isSymbolicLink();
    return isLink === true ? linkError(join(path, name)) : explain(error);
  };
  return {
    path,
    self,
    created,
    at,
    explain,
    async folder(name, { create = false } = {}) {
      let made = false;
      for (let last = !create; ; last = true) {
        try {
          return handled(join(path, name), await openAsync(at(name), REAL_FOLDER), made);
        } catch (error) {
          if (last || codeOf(error) !== "ENOENT") throw failure(error, name);
        }
        made = await mkdirAsync(at(name)).then(
          () => true,
          (error: unknown) => unlessExists(explain(error)),
        );
      }
    },
    folderSync(name, { create = false } = {}) {
      let made = false;
      for (let last = !create; ; last = true) {
        try {
          return handled(join(path, name), openSync(at(name), REAL_FOLDER), made);
        } catch (error) {
          if (last || codeOf(error) !== "ENOENT") throw failure(error, name);
        }
        made = makeSync(at(name), explain);
      }
    },
    // nothing was written through it, so closing it cannot block or fail
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

/** `chain`: the paths from the root to the folder. */
function named(chain: readonly string[], known: readonly string[] = [], created = false): Folder {
  const path = chain.at(-1) as string;
  const identities = [...known];
  const check = () => {
    // the root may be a link: only what is below it is checked
    for (const [index, each] of chain.entries()) {
      const stats = lstatSync(each, { bigint: true });
      if (index > 0 && stats.isSymbolicLink()) throw linkError(each);
      if (index > 0 && !stats.isDirectory()) throw systemError("ENOTDIR", "not a directory", each);
      const identity = `${stats.dev}-${stats.ino}`;
      if ((identities[index] ??= identity) !== identity) throw systemError("ENOENT", "the folder was replaced", each);
    }
  };
  check();
  const at = (name: string) => {
    check();
    return join(path, checked(name));
  };
  const folderSync: Folder["folderSync"] = (name, { create = false } = {}) => {
    const made = create && makeSync(at(name), (error) => error);
    return named([...chain, join(path, checked(name))], identities, made);
  };
  return {
    path,
    created,
    get self() {
      check();
      return path;
    },
    at,
    explain: (error) => error,
    folder: async (name, options) => folderSync(name, options),
    folderSync,
    [Symbol.dispose]: () => {},
  };
}

/** False when it exists. */
function makeSync(path: string, explain: Folder["explain"]): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    return unlessExists(explain(error));
  }
}

function unlessExists(error: unknown): false {
  if (codeOf(error) === "EEXIST") return false;
  throw error;
}

/** `..` would lead out of the folder, and so would a separator. */
function checked(name: string): string {
  const separator = platform() === "win32" ? /[\\/]/ : /\//;
  if (name === "" || name === "." || name === ".." || name.includes("\0") || separator.test(name))
    throw systemError("EINVAL", "invalid name", name);
  return name;
}

/** Replaces the path of a handle in an error of node:fs, whose message people see. */
export function withPath(error: unknown, self: string, path: string): unknown {
  if (!(error instanceof Error) || codeOf(error) === undefined) return error;
  error.message = error.message.replaceAll(self, path);
  const failure = error as NodeJS.ErrnoException & { dest?: string };
  for (const member of ["path", "dest"] as const)
    if (failure[member] !== undefined) failure[member] = failure[member].replaceAll(self, path);
  return error;
}

function linkError(path: string): Error {
  return systemError("ELOOP", "is a symbolic link, which is not followed", path);
}

function systemError(code: string, why: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${why}, open '${path}'`), { code, syscall: "open", path });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
