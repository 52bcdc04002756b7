import { systemCode, unnamedMessage } from "../../lib/files/system-code.ts";
import type { Dir } from "node:fs";
import { access, constants, opendir } from "node:fs/promises";
import { isAbsolute } from "node:path";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { lockPlaces } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { intakeOf } from "./intake.ts";
import { occupiedPlaces, refuseDropOverlap } from "../feed-store/occupied-places.ts";

/**
 * Checks that a directory can be a feed's drop path. Call it in the transaction that records the path. Rejects with
 * `usage` (also for feed types without package files), `conflict` for an overlap, or an error of `openDropPath`.
 */
export async function checkDropPath(context: Context, db: Db, feed: FeedRow, path: string): Promise<void> {
  if (!isAbsolute(path)) throw new FeedctlError("usage", `the drop path must be absolute, not "${path}"`);
  await intakeOf(feed);
  await (await openDropPath(path)).close();
  await lockPlaces(db);
  refuseDropOverlap(feed, path, await occupiedPlaces(context, db));
  try {
    await access(path, constants.W_OK);
  } catch {
    context.notice(`this user cannot write to ${path}; the user who scans it must be able to delete its files`);
  }
}

/** Opens the directory. Rejects with `not-found`, `usage`, `denied` or `unavailable`. */
export async function openDropPath(path: string): Promise<Dir> {
  try {
    return await opendir(path);
  } catch (error) {
    throw dropPathError(path, error);
  }
}

/** Translates a file system error: absence, missing permission and an outage are different errors. */
export function dropPathError(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const message = unnamedMessage(error) ?? (error as Error).message;
  if (code === "ENOENT")
    return new FeedctlError("not-found", `the drop path ${path} does not exist`, {
      hint: "create the directory, mount its share, or set another one with: feedctl drop set",
      cause: error,
    });
  if (code === "ENOTDIR")
    return new FeedctlError("usage", `the drop path ${path} is not a directory`, { cause: error });
  if (code === "EACCES" || code === "EPERM")
    return new FeedctlError("denied", `could not read the drop path ${path}: permission denied`, { cause: error });
  return new FeedctlError("unavailable", `could not read the drop path ${path}: ${message}`, { cause: error });
}
