import { constants, type Stats } from "node:fs";
import { lstat, open } from "node:fs/promises";

/** Permission bits that a trusted file must not have, by owner: the user's own files and those of root. */
export interface ForbiddenBits {
  own: number;
  root: number;
}

/** Only the owner may write. */
export const writableByOthers: ForbiddenBits = { own: 0o022, root: 0o022 };

/** Only the owner may read. A file of root may be readable by its group, which is how a service gets its key. */
export const readableByOthers: ForbiddenBits = { own: 0o077, root: 0o027 };

export interface TrustedFile {
  /** Why the file must not be used; undefined when it may. The other members are undefined then. */
  problem?: string;
  /** Undefined for a pipe or a device, which can be read only once. */
  bytes?: Buffer | undefined;
}

/**
 * Reads a file that nobody but this user or root may have written, through one handle: what was checked is what is read.
 * A symbolic link must belong to them as well. Windows has neither owners by number nor these permission bits: its
 * files are not checked. Rejects with the system's error when the file cannot be read.
 */
export async function readTrustedFile(path: string, forbidden: ForbiddenBits): Promise<TrustedFile> {
  const link = await lstat(path);
  if (link.isSymbolicLink() && isForeign(link)) return { problem: `the link belongs to ${ownerOf(link)}` };
  // without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await handle.stat();
    const problem = trustProblem(stats, forbidden);
    if (problem !== undefined) return { problem };
    if (stats.isDirectory()) throw Object.assign(new Error(`EISDIR: ${path} is a directory`), { code: "EISDIR" });
    return { bytes: stats.isFile() ? await handle.readFile() : undefined };
  } finally {
    await handle.close();
  }
}

function trustProblem(stats: Stats, forbidden: ForbiddenBits): string | undefined {
  if (process.geteuid === undefined) return undefined;
  if (isForeign(stats)) return `it belongs to ${ownerOf(stats)}`;
  const found = stats.mode & (stats.uid === process.geteuid() ? forbidden.own : forbidden.root);
  if (found === 0) return undefined;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
  return `others may ${(found & 0o022) === 0 ? "read" : "write"} it (mode ${mode})`;
}

function isForeign({ uid }: Stats): boolean {
  return process.geteuid !== undefined && uid !== process.geteuid() && uid !== 0;
}

function ownerOf({ uid }: Stats): string {
  return `another user (uid ${uid})`;
}
