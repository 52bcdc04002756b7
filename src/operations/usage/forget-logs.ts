import { deleteRejectedLog, listCountedLogs, listRejectedLogs } from "../../catalog/usage.ts";
import { findCountedLogs, forgetAllLogs, forgetLog, type ForgettableLog } from "../../catalog/usage-forget.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import { startRun } from "../commit/recorded-run.ts";
import type { Context } from "../context.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { prefixHash, readStart } from "./read-log.ts";

export interface ForgottenUse {
  feed: string;
  logs: number;
  /** How many downloads the counts have lost. */
  downloads: number;
}

/** Forgets what logs gave. Each is found by its content, also under another name; one that is gone by its name. */
export async function forgetUsage(
  context: Context,
  { feed: name, files }: { feed: string; files: readonly string[] },
): Promise<ForgottenUse> {
  const { db } = await context.catalog();
  const feed = await requireLiveFeed(db, name);
  await using run = await startRun(context, "usage forget", feed.id);
  const forgotten: ForgottenUse = { feed: feed.name, logs: 0, downloads: 0 };
  for (const file of files) {
    context.signal.throwIfAborted();
    const found = await findLog(db, feed.id, file);
    await commit(db, [run], async (transaction) => {
      for (const log of found.logs) forgotten.downloads += await forgetCounted(transaction, feed.name, file, log);
      if (found.head !== undefined) await deleteRejectedLog(transaction, feed.id, { name: file, head: found.head });
    });
    forgotten.logs++;
  }
  await run.finish({ ...forgotten });
  return forgotten;
}

/** Forgets everything that logs have said about a feed. */
export async function forgetAllUsage(context: Context, name: string): Promise<ForgottenUse> {
  const { db } = await context.catalog();
  const feed = await requireLiveFeed(db, name);
  await using run = await startRun(context, "usage forget", feed.id);
  const gone = await commit(db, [run], (transaction) => forgetAllLogs(transaction, feed.id));
  const forgotten = { feed: feed.name, ...gone };
  await run.finish(forgotten);
  return forgotten;
}

/** Takes back one log, in the caller's transaction. Throws `invalid` when nobody knows what it gave. */
export async function forgetCounted(db: Db, feed: string, file: string, log: ForgettableLog): Promise<number> {
  if (log.separable) return await forgetLog(db, log.id);
  throw new FeedctlError(
    "invalid",
    `${file} was counted by an earlier version, which did not save what each log gave`,
    {
      hint: `to begin anew: feedctl usage forget ${feed} --all, then import all logs that there are`,
    },
  );
}

async function findLog(
  db: Db,
  feedId: number,
  file: string,
): Promise<{ logs: ForgettableLog[]; head: string | undefined }> {
  let head: string | undefined;
  let logs: ForgettableLog[] = [];
  try {
    const start = await readStart(file);
    head = start.head;
    const counted = await prefixHash(file, await listCountedLogs(db, feedId, start));
    if (counted !== undefined) logs = await findCountedLogs(db, feedId, { sha256: counted.sha256 });
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOENT") throw error;
    logs = await findCountedLogs(db, feedId, { name: file });
  }
  const rejected = (await listRejectedLogs(db, feedId)).some((each) => each.name === file);
  if (logs.length > 0 || rejected) return { logs, head: head ?? (rejected ? "" : undefined) };
  throw new FeedctlError("not-found", `no log like ${file} was counted`, {
    hint: "a log is known by its content; when it is gone, by the path under which it was imported",
  });
}
