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

/** In the transaction that records it: whether a directory can be a feed's drop path. */
export async function checkDropPath(context: Context, db: Db, feed: FeedRow, path: string): Promise<void> {
  if (!isAbsolute(path)) throw new FeedctlError("usage", `the drop path must be absolute, not "${path}"`);
  await intakeOf(feed);
  await (await openDropPath(path)).close();
  await lockPlaces(db);
  refuseDropOverlap(feed, path, await occupiedPlaces(context, db));
  try {
    await access(path, constants.W_OK);
  } catch {
    context.notice(`${path} cannot be written by this user; whoever scans it must be able to delete its files`);
  }
}

/** Opens the directory. Rejects with `not-found`, `denied` or `unavailable`. */
export async function openDropPath(path: string): Promise<Dir> {
  try {
    return await opendir(path);
  } catch (error) {
    throw dropPathError(path, error);
  }
}

/** Absence is another thing than an outage or a lack of permission. */
export function dropPathError(path: string, error: unknown): unknown {
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (!/^E[A-Z]+$/.test(code)) return error;
  if (code === "ENOENT")
    return new FeedctlError("not-found", `the drop path ${path} does not exist`, {
      hint: "make the directory, or mount its share; another one is set with: feedctl drop set",
      cause: error,
    });
  if (code === "ENOTDIR") return new FeedctlError("usage", `the drop path ${path} is no directory`, { cause: error });
  if (code === "EACCES" || code === "EPERM")
    return new FeedctlError("denied", `the drop path ${path} cannot be read: permission denied`, { cause: error });
  return new FeedctlError("unavailable", `the drop path ${path} cannot be read: ${message}`, { cause: error });
}
