import { chmodSync, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Permissions of everybody but the owner. */
const OTHERS = 0o077;

/** Whether only its owner may enter a folder. Always true on Windows, where a folder's mode says nothing. */
export function isPrivate(folder: string): boolean {
  return process.geteuid === undefined || (statSync(folder).mode & OTHERS) === 0;
}

/** Whether another user owns the file or folder. Always false on Windows. */
export function isForeign(path: string): boolean {
  const uid = process.geteuid?.();
  return uid !== undefined && statSync(path).uid !== uid;
}

/**
 * Returns the first path below a folder that another user owns. Looks only when others may enter the folder: nobody
 * else can reach what is below a private one.
 */
export function findForeign(folder: string): string | undefined {
  const uid = process.geteuid?.();
  if (uid === undefined || isPrivate(folder)) return undefined;
  return below(folder).find((path) => lstatSync(path).uid !== uid);
}

/**
 * Removes the permissions of group and others from a folder that is not private, and from everything below it. The
 * folder itself comes last, so that a run that was interrupted is repeated.
 */
export function makePrivate(folder: string): void {
  if (isPrivate(folder)) return;
  for (const path of below(folder)) {
    const stats = lstatSync(path);
    if (!stats.isSymbolicLink()) chmodSync(path, stats.mode & ~OTHERS);
  }
  chmodSync(folder, statSync(folder).mode & ~OTHERS);
}

function below(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
}
