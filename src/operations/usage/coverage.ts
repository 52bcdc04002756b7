import { listRejectedLogs, sumCoverage, type LogCoverage, type RejectedLog } from "../../catalog/usage.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { Context } from "../context.ts";
import { requireFeed } from "../feed-store/find-feed.ts";

/** What is known of the use of a feed's files. */
export interface KnownUse extends LogCoverage {
  /** Logs of which too many lines were not understood. */
  rejected: RejectedLog[];
}

export async function readKnownUse(db: Db, feedId: number): Promise<KnownUse> {
  return { ...(await sumCoverage(db, feedId)), rejected: await listRejectedLogs(db, feedId) };
}

export async function showUsage(context: Context, feedName: string): Promise<KnownUse & { feed: string }> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, feedName);
  return { feed: feed.name, ...(await readKnownUse(db, feed.id)) };
}

/** The counted logs in one phrase: `2 logs with 40 lines, from 2026-02-06 00:00 to 2026-02-08 23:59 UTC`. */
export function coverageWords({ files, lines, from, until }: LogCoverage): string {
  if (files === 0) return "no logs";
  const time = from === null || until === null ? "of unknown time" : `from ${minute(from)} to ${minute(until)} UTC`;
  return `${counted(files, "log")} with ${counted(lines, "line")}, ${time}`;
}

function minute(time: Date): string {
  return time.toISOString().slice(0, 16).replace("T", " ");
}
