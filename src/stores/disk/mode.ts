import { lstatSync } from "node:fs";
import { chmod, open } from "node:fs/promises";
import { basename } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { descriptorPath, ENTRY_ITSELF, openFolderBelow } from "../../lib/files/open-folder.ts";
import { diskError } from "./errors.ts";
import { tagOf } from "./info.ts";
import { belowRoot } from "./read.ts";

/** Bits that say who may read, write and run a file. Setuid, setgid and sticky give rights that nobody asked to copy. */
const PERMISSIONS = 0o777;

/** The permission bits of a file. Undefined: it does not exist, or is not a regular file. */
export function readMode(path: string): number | undefined {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats?.isFile() === true ? stats.mode & PERMISSIONS : undefined;
  } catch (error) {
    throw diskError(error, "read", path);
  }
}

/**
 * Sets the permission bits of a file below `root`. Follows no link below it. Returns the file's new tag. Throws `denied`
 * where the file system does not keep them.
 */
export async function writeMode(root: string, path: string, mode: number): Promise<string> {
  try {
    using folder = await openFolderBelow(...belowRoot({ pathRoot: root }, path));
    await using file = await open(folder.at(basename(path)), ENTRY_ITSELF);
    if (!(await file.stat()).isFile()) throw new FeedctlError("denied", `${path} is not a regular file`);
    await chmod(descriptorPath(file.fd, path), mode & PERMISSIONS);
    const stats = await file.stat();
    if ((stats.mode & PERMISSIONS) === mode) return tagOf(stats);
  } catch (error) {
    throw diskError(error, "set the mode of", path);
  }
  throw new FeedctlError("denied", `the file system of ${path} does not keep its mode`, { blobOnly: true });
}

/** A mode as people write it: `755`. */
export function modeName(mode: number): string {
  return mode.toString(8).padStart(3, "0");
}
