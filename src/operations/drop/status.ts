import { listFeedsWithDropPath, readDropFiles, readDropScan, type DropFile } from "../../catalog/drops.ts";
import type { Context } from "../context.ts";
import { dropPlace } from "./debian-options.ts";
import { requireFeed } from "../feed-store/find-feed.ts";

export interface DropStatus {
  feed: string;
  type: string;
  path: string;
  active: boolean;
  /** For the packages in it; null for feeds that are not of type debian. */
  distribution: string | null;
  component: string | null;
  /** Null when it was never scanned. */
  scannedAt: Date | null;
  /** How many files the last scan imported; null when there was none. */
  imported: number | null;
  problem: string | null;
  /** Files that were left in the drop path; scans skip them until they change. */
  waiting: DropFile[];
}

/** Every drop path, or one feed's, with the result of its last scan. */
export async function dropStatus(context: Context, name: string | undefined): Promise<DropStatus[]> {
  const { db } = await context.catalog();
  const feeds = name === undefined ? await listFeedsWithDropPath(db) : [await requireFeed(db, name)];
  const found: DropStatus[] = [];
  for (const row of feeds) {
    const { id, name: feed, type, drop_path: path, active } = row;
    if (path === null) continue;
    const { distribution = null, component = null } = (await dropPlace(row)) ?? {};
    const scan = await readDropScan(db, id);
    const waiting = [...(await readDropFiles(db, id)).values()];
    const { scannedAt = null, imported = null, problem = null } = scan ?? {};
    found.push({ feed, type, path, active, distribution, component, scannedAt, imported, problem, waiting });
  }
  return found;
}
