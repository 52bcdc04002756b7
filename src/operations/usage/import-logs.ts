import { createHash, type Hash } from "node:crypto";
import { listCountedLogs, recordUse, saveCountedLog, type LoggedUse } from "../../catalog/usage.ts";
import { findCurrentStore } from "../../catalog/stores.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import { firstLine, logPieces, prefixHash, type LogPiece } from "./read-log.ts";
import { startRun } from "../commit/recorded-run.ts";
import { readLogLine, type LogFormat } from "./log-formats.ts";

export interface UsageInput {
  feed: string;
  files: readonly string[];
  format: LogFormat | "auto";
  /** What stands before a file's key in a request. Default: the path of the feed's store in its bucket. */
  prefix?: string | undefined;
}

/** What one log told. */
export interface CountedFile {
  type: "log";
  file: string;
  /** `counted`; `known`: nothing is new in it since it was counted; `failed`. */
  status: "counted" | "known" | "failed";
  /** New since the log was counted last. */
  lines: number;
  /** Downloads of files that the feed has. */
  downloads: number;
  /** Successful reads of other files. */
  foreign: number;
  /** Lines that are no lines of a log. */
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

/** Counts the downloads that logs tell of, once each: a log that was counted is passed over, of one that grew the rest. */
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
  const counter = startCounting(log, answer);
  const hash = createHash("sha256");
  let offset = 0;
  for await (const piece of logPieces(log.file)) {
    context.signal.throwIfAborted();
    // its server is still writing it: it is counted when it is whole
    if (piece.isOpen && readLogLine(piece.bytes.toString("utf8").trimEnd(), log.format) === "unreadable") continue;
    // a piece may begin in what was counted and end behind it
    const fresh = Math.max(0, (done?.bytes ?? 0) - offset);
    hash.update(piece.bytes);
    offset += piece.bytes.length;
    if (fresh < piece.bytes.length) counter.add(piece, fresh);
    if (counter.isFull()) before = await save(before, hash.copy());
  }
  if (offset > (done?.bytes ?? 0)) await save(before, hash);
  else answer.status = "known";

  async function save(previous: string | undefined, state: Hash): Promise<string | undefined> {
    const sha256 = state.digest("hex");
    const uses = counter.take(context.now());
    return db.transaction().execute(async (transaction) => {
      const { known: found, downloads } = await recordUse(transaction, log.feedId, uses);
      answer.downloads += downloads;
      answer.foreign += uses.length - found;
      // read with a wrong prefix or format it tells nothing of the feed, and is to be counted when that is put right
      if (found === 0 && previous === undefined) return undefined;
      const saved = { head, sha256, bytes: offset, name: log.file };
      const about = { before: previous, now: context.now() };
      if (!(await saveCountedLog(transaction, log.feedId, saved, about)))
        throw new FeedctlError("locked", "another run is counting this log", { hint: "try again when it is done" });
      return sha256;
    });
  }
}

/** So many different files make one transaction. */
const FULL = 20_000;

function startCounting(log: Log, answer: CountedFile) {
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
    isFull: () => uses.size >= FULL,
    /** A server whose clock is wrong tells of use to come, which would keep a version for all that time. */
    take(now: Date): LoggedUse[] {
      const taken = [...uses.values()].map(({ newest, ...use }) => ({
        ...use,
        at: new Date(Math.min(newest, now.getTime())).toISOString(),
      }));
      uses = new Map();
      return taken;
    },
  };
}

/** Why this one log cannot be counted; undefined: it is not about the log. */
function fileProblem(error: unknown): string | undefined {
  if (isFeedctlError(error, "locked")) return error.message;
  if (!(error instanceof Error) || isFeedctlError(error) || error.name === "AbortError") return undefined;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "no such file";
  return typeof code === "string" && /^(E[A-Z]+|Z_[A-Z_]+|ERR_INVALID_.*)$/.test(code)
    ? `it cannot be read: ${error.message}`
    : undefined;
}
