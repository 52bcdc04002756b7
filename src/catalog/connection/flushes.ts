import { fsyncSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { syncFolderNow } from "../../lib/files/flush.ts";

/** Permissions of everybody but the owner. */
const OTHERS = 0o077;

interface FileNode {
  /** File type and permissions, as in `stat`. */
  mode: number;
}

interface Attributes {
  mode?: number | undefined;
}

interface OpenFile {
  node: FileNode;
  /** Descriptor of the process. */
  nfd: number;
}

/**
 * The parts of Emscripten's NODEFS (src/lib/libnodefs.js) that change files. It has no `fsync` of its own. Its paths have
 * slashes below the root, on Windows too.
 */
export interface NodeFileSystem {
  realPath(node: FileNode): string;
  createNode(parent: FileNode, name: string, mode: number, device: number): FileNode;
  node_ops: {
    setattr(node: FileNode, attributes: Attributes): void;
    mknod(parent: FileNode, name: string, mode: number, device: number): FileNode;
    readdir(node: FileNode): string[];
    rename(node: FileNode, folder: FileNode, name: string): void;
    unlink(parent: FileNode, name: string): void;
    rmdir(parent: FileNode, name: string): void;
  };
  stream_ops: {
    setattr(file: OpenFile, attributes: Attributes): void;
    write(file: OpenFile, bytes: Uint8Array, offset: number, length: number, position: number): number;
    /** Returns 0. */
    fsync?(file: OpenFile): number;
  };
}

export interface Flushes {
  /** Makes a file system flush what PostgreSQL asks it to, and create files that only their owner can open. */
  install(files: NodeFileSystem): void;
  /** Throws when a flush has failed. */
  assertFlushed(): void;
}

/**
 * Flushes the files of the data directory `root` when PostgreSQL asks for it. What did not change since its last flush
 * is not flushed again: PostgreSQL asks for all 1,100 files after a kill, when `flushTree` has flushed them already.
 * POSIX keeps the name of a new file only when its folder is flushed, which PostgreSQL leaves out for tables.
 *
 * After a failed flush or a failed write of the log nothing is written any more, as if the process had been killed at
 * that moment. The error is not returned to PostgreSQL: it would panic, and PGlite does not return from a panic.
 * `assertFlushed` throws it instead.
 */
export function createFlushes(root: string): Flushes {
  const changed = new Set<string>();
  let failure: FeedctlError | undefined;

  function attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      failure ??= flushError(root, error as NodeJS.ErrnoException);
    }
  }

  function flush(path: string, file?: OpenFile): void {
    if (!changed.has(path)) return;
    if (file === undefined || isFolder(file.node)) syncFolderNow(path);
    else fsyncSync(file.nfd);
    changed.delete(path);
  }

  function installFlush({ realPath, stream_ops: open }: NodeFileSystem): void {
    const { write } = open;
    open.fsync = (file) => {
      if (failure !== undefined) return 0;
      const path = realPath(file.node);
      attempt(() => {
        flush(path, file);
        for (let folder = dirname(path); folder.length >= root.length; folder = dirname(folder)) flush(folder);
      });
      return 0;
    };
    open.write = (file, ...range) => {
      const [bytes, offset, length, position] = range;
      if (failure !== undefined) return length;
      const path = realPath(file.node);
      changed.add(path);
      if (!isLog(root, path)) return write(file, ...range);
      let written = length;
      attempt(() => (written = writeSync(file.nfd, bytes, offset, length, position)));
      return written;
    };
  }

  function installNames({ realPath, createNode, node_ops: names, stream_ops: open }: NodeFileSystem): void {
    const { setattr, mknod, rename, unlink, rmdir } = names;
    const { setattr: setOpen } = open;
    names.setattr = (node, attributes) => {
      if (failure !== undefined) return;
      setattr(node, ownersOnly(attributes));
      changed.add(realPath(node));
    };
    open.setattr = (file, attributes) => {
      if (failure !== undefined) return;
      setOpen(file, ownersOnly(attributes));
      changed.add(realPath(file.node));
    };
    names.mknod = (parent, name, mode, device) => {
      if (failure !== undefined) return createNode(parent, name, mode, device);
      const made = mknod(parent, name, mode & ~OTHERS, device);
      changed.add(realPath(made)).add(realPath(parent));
      return made;
    };
    names.rename = (node, folder, name) => {
      if (failure !== undefined) return;
      const from = realPath(node);
      const to = `${realPath(folder)}/${name}`;
      rename(node, folder, name);
      if (changed.delete(from)) changed.add(to);
      changed.add(dirname(from)).add(dirname(to));
    };
    names.unlink = (parent, name) => {
      if (failure !== undefined) return;
      unlink(parent, name);
      changed.add(realPath(parent));
    };
    names.rmdir = (parent, name) => {
      if (failure !== undefined) return;
      rmdir(parent, name);
      changed.add(realPath(parent));
    };
  }

  return {
    install(files) {
      installFlush(files);
      installNames(files);
    },
    assertFlushed() {
      if (failure !== undefined) throw failure;
    },
  };
}

/** PostgreSQL makes its data files private, and leaves those that it can make anew to the umask. */
function ownersOnly(attributes: Attributes): Attributes {
  return attributes.mode === undefined ? attributes : { ...attributes, mode: attributes.mode & ~OTHERS };
}

function isFolder({ mode }: FileNode): boolean {
  return (mode & 0o170000) === 0o040000;
}

/** A file without which PostgreSQL panics. */
function isLog(root: string, path: string): boolean {
  return path.startsWith(`${root}/pg_wal/`) || path === `${root}/global/pg_control`;
}

function flushError(root: string, error: NodeJS.ErrnoException): FeedctlError {
  const full = error.code === "ENOSPC" || error.code === "EDQUOT";
  return new FeedctlError(
    full ? "full" : "unavailable",
    `the embedded catalog at ${root} could not be written to disk: ${error.message}`,
    { cause: error, hint: `${full ? "free space there" : "check the disk"}, then run the command again` },
  );
}
