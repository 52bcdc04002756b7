import { findCurrentStore } from "../../catalog/stores.ts";
import { startRun } from "../commit/recorded-run.ts";
import type { Context } from "../context.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { countLog, type CountedFile } from "./count-log.ts";
import type { LogFormat } from "./formats/names.ts";

export interface UsageInput {
  feed: string;
  files: readonly string[];
  format: LogFormat | "auto";
  /** What precedes a file's key in a request's path. Default: the path of the feed's store in its bucket. */
  prefix?: string | undefined;
  /** The greatest share of a log's lines that may not be understood, from 0 to 1. Default: 0.01. */
  maxUnreadable?: number | undefined;
  /** Whether logs are counted that were counted before: what they gave then is replaced. */
  again?: boolean | undefined;
}

export interface UsageSummary extends Pick<CountedFile, "lines" | "downloads" | "restored" | "foreign" | "unreadable"> {
  type: "summary";
  feed: string;
  files: number;
  known: number;
  rejected: number;
  failed: number;
}

/** Almost everything: a line that was cut off when a disk was full does not make a log worthless. */
const MAX_UNREADABLE = 0.01;

/**
 * Counts the downloads recorded in logs, each once: of a log that was counted before, only the lines appended since.
 */
export async function* importUsage(context: Context, input: UsageInput): AsyncGenerator<CountedFile | UsageSummary> {
  const { db } = await context.catalog();
  const feed = await requireLiveFeed(db, input.feed);
  const prefix = input.prefix ?? (await storePrefix(context, feed.id));
  await using run = await startRun(context, "usage import", feed.id);
  const summary: UsageSummary = {
    type: "summary",
    feed: feed.name,
    files: input.files.length,
    known: 0,
    rejected: 0,
    failed: 0,
    lines: 0,
    downloads: 0,
    restored: 0,
    foreign: 0,
    unreadable: 0,
  };
  for (const file of input.files) {
    context.signal.throwIfAborted();
    const counted = await countLog(context, {
      feedId: feed.id,
      file,
      format: input.format,
      prefix: prefix.replace(/^\/+/, ""),
      maxUnreadable: input.maxUnreadable ?? MAX_UNREADABLE,
      again: input.again === true ? feed.name : undefined,
    });
    for (const name of ["lines", "downloads", "restored", "foreign", "unreadable"] as const)
      summary[name] += counted[name];
    if (counted.status !== "counted") summary[counted.status]++;
    yield counted;
  }
  await run.finish(summary);
  yield summary;
}

async function storePrefix(context: Context, feedId: number): Promise<string> {
  const store = await findCurrentStore((await context.catalog()).db, feedId);
  const path = store?.options["targetPath"];
  return typeof path === "string" && path !== "" ? `${path.replace(/\/$/, "")}/` : "";
}
