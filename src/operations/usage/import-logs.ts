import { createHash, type Hash } from "node:crypto";
import { listCountedLogs, recordUse, saveCountedLog, type LoggedUse } from "../../catalog/usage.ts";
import { findCurrentStore } from "../../catalog/stores.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { firstLine, logPieces, prefixHash, type LogPiece } from "./read-log.ts";
import { startRun } from "../commit/recorded-run.ts";
import { readLogLine, type LogFormat } from "./log-formats.ts";

export interface UsageInput {
  feed: string;
  files: readonly string[];
  format: LogFormat | "auto";
  /** What precedes a file's key in a request's path. Default: the path of the feed's store in its bucket. */
  prefix?: string | undefined;
}

/** The result for one log. */
export interface CountedFile {
  type: "log";
  file: string;
  /** `known`: it has no lines since it was last counted. */
  status: "counted" | "known" | "failed";
  /** Lines since the log was last counted. */
  lines: number;
  /** Downloads of files that the feed has. */
  downloads: number;
  /** Files that the feed does not have, and successful reads outside the prefix. */
  foreign: number;
  /** Lines that could not be parsed. */
  unreadable: number;
  reason: string | null;
}

export interface UsageSummary extends Omit<CountedFile, "type" | "file" | "status" | "reason"> {
  type: "summary";
  feed: string;
  files: number;
  known: number;
  failed: number;
}

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
    failed: 0,
    lines: 0,
    downloads: 0,
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
    });
    for (const name of ["lines", "downloads", "foreign", "unreadable"] as const) summary[name] += counted[name];
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

interface Log {
  feedId: number;
  file: string;
  format: LogFormat | "auto";
  prefix: string;
}

async function countLog(context: Context, log: Log): Promise<CountedFile> {
  const answer: CountedFile = {
    type: "log",
    file: log.file,
    status: "counted",
    lines: 0,
    downloads: 0,
    foreign: 0,
    unreadable: 0,
    reason: null,
  };
  try {
    await countInto(context, log, answer);
  } catch (error) {
    const reason = fileProblem(error);
    if (reason === undefined) throw error;
    return { ...answer, status: "failed", reason };
  }
  return answer;
}

async function countInto(context: Context, log: Log, answer: CountedFile): Promise<void> {
  const { db } = await context.catalog();
  const head = createHash("sha256")
    .update(await firstLine(log.file))
    .digest("hex");
  const known = await listCountedLogs(db, log.feedId, head);
  const done = await prefixHash(log.file, known);
  let before = done?.sha256;
  const counter = createCounter(log, answer);
  const hash = createHash("sha256");
  let offset = 0;
  for await (const piece of logPieces(log.file)) {
    context.signal.throwIfAborted();
    // the server is still writing the last line: the next run counts it
    if (piece.isOpen && readLogLine(piece.bytes.toString("utf8").trimEnd(), log.format) === "unreadable") continue;
    // the first bytes of the piece may have been counted before
    const from = Math.max(0, (done?.bytes ?? 0) - offset);
    hash.update(piece.bytes);
    offset += piece.bytes.length;
    if (from < piece.bytes.length) counter.add(piece, from);
    if (counter.isFull()) before = await save(before, hash.copy());
  }
  if (offset > (done?.bytes ?? 0)) await save(before, hash);
  else answer.status = "known";

  async function save(previous: string | undefined, state: Hash): Promise<string | undefined> {
    const sha256 = state.digest("hex");
    const uses = counter.drain(context.now());
    return commit(db, [], async (transaction) => {
      const { known: found, downloads } = await recordUse(transaction, log.feedId, uses);
      answer.downloads += downloads;
      answer.foreign += uses.length - found;
      // no file of the feed found: prefix or format may be wrong, so the log is not marked as counted
      if (found === 0 && previous === undefined) return undefined;
      const saved = { head, sha256, bytes: offset, name: log.file };
      const about = { before: previous, now: context.now() };
      if (!(await saveCountedLog(transaction, log.feedId, saved, about)))
        throw new FeedctlError("locked", "another run is counting this log", { hint: "try again when it is done" });
      return sha256;
    });
  }
}

/** How many different files are recorded in one transaction. */
const BATCH = 20_000;

function createCounter(log: Log, answer: CountedFile) {
  let uses = new Map<string, LoggedUse & { newest: number }>();
  return {
    add({ bytes }: LogPiece, from: number): void {
      for (const line of bytes.toString("utf8", from).split("\n")) {
        if (line.trim() === "" || line.startsWith("#")) continue;
        answer.lines++;
        const found = readLogLine(line.trimEnd(), log.format);
        if (found === "unreadable") answer.unreadable++;
        if (typeof found === "string") continue;
        const keys = found.keys
          .filter((key) => key.startsWith(log.prefix))
          .map((key) => key.slice(log.prefix.length).replace(/^\/+/, ""));
        if (keys[0] === undefined) {
          answer.foreign++;
          continue;
        }
        const use = uses.get(keys[0]) ?? { keys, downloads: 0, at: "", newest: 0 };
        use.downloads += found.whole ? 1 : 0;
        use.newest = Math.max(use.newest, found.at.getTime());
        uses.set(keys[0], use);
      }
    },
    isFull: () => uses.size >= BATCH,
    /** Returns the counted uses and starts again. Times in the future (a wrong server clock) become `now`. */
    drain(now: Date): LoggedUse[] {
      const counted = [...uses.values()].map(({ newest, ...use }) => ({
        ...use,
        at: new Date(Math.min(newest, now.getTime())).toISOString(),
      }));
      uses = new Map();
      return counted;
    },
  };
}

/** Why this log could not be counted; undefined when the error is not about the log. */
function fileProblem(error: unknown): string | undefined {
  if (isFeedctlError(error, "locked")) return error.message;
  if (!(error instanceof Error) || isFeedctlError(error) || error.name === "AbortError") return undefined;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no such file";
  return typeof code === "string" && /^(E[A-Z]+|Z_[A-Z_]+|ERR_INVALID_.*)$/.test(code)
    ? `could not read it: ${error.message}`
    : undefined;
}
