import { markVerified, readFiles, type FileRow } from "../../catalog/files.ts";
import { insertFiles, lockRows, replaceFiles } from "../../catalog/packages.ts";
import { forgetDeletes, renewWrites, withdrawWrites } from "../../catalog/pending.ts";
import { isFeedctlError, type FeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/parallel.ts";
import type { PutResult, Store } from "../../stores/store.ts";
import { announce, intentOf, type Rows } from "./announce-packages.ts";
import type { Context } from "../context.ts";
import type { Target } from "../commit/feed-writer.ts";
import { outcome, type ImportedFile } from "./outcome.ts";
import { placePackages } from "./match-existing.ts";
import type { PreparedPackage } from "./prepare-package.ts";
import { proveStored } from "../commit/prove-stored.ts";
import { fileProblem } from "../local-files/file-source.ts";
import { showImported } from "./show-imported.ts";
import { newFile, putPackage } from "./put-package.ts";

const DISK_WIDTH = 64;

export interface BatchOptions {
  /** Other bytes of a known file are replaced. */
  overwrite: boolean;
  /**
   * What the catalog has must be in the store as well to count as existing, for the source is going to be deleted; where
   * the blob is missing it is put back.
   */
  prove: boolean;
}

/** What a dry run says of the files: nothing is announced, stored or recorded. `store` is asked only to prove. */
export async function planBatch(
  context: Context,
  { feedId, store }: { feedId: number; store: Store | undefined },
  items: readonly PreparedPackage[],
  options: BatchOptions,
): Promise<ImportedFile[]> {
  const { db } = await context.catalog();
  const { items: placed, rows, answered } = await placePackages(db, feedId, items);
  const { wanted, results } = await sort(context, store, placed, rows, options);
  results.push(...answered);
  for (const { item } of wanted) {
    const row = rows.get(item.key);
    results.push(outcome(item, row === undefined ? "imported" : becomes(item, row)));
  }
  return results;
}

export interface Batch {
  results: ImportedFile[];
  /** Not done, because another run is importing the same package right now. */
  busy: PreparedPackage[];
  /** What ends the whole run, after so much of the batch was done; to be thrown once that is told. Undefined: nothing. */
  fatal: unknown;
}

/**
 * Stores and records files with different keys: announced, stored, committed, in that order. Versions that retention has
 * hidden are shown again when one of their files is imported.
 */
export async function commitBatch(
  context: Context,
  target: Target,
  items: readonly PreparedPackage[],
  options: BatchOptions,
): Promise<Batch> {
  const batch = await storeBatch(context, target, items, options);
  return { ...batch, results: await showImported(context, target, batch.results) };
}

async function storeBatch(
  context: Context,
  target: Target,
  items: readonly PreparedPackage[],
  options: BatchOptions,
): Promise<Batch> {
  const { db } = await context.catalog();
  const { feed, storeId, store, run } = target;
  const { items: placed, rows: known, answered } = await placePackages(db, feed.id, items);
  const first = await sort(context, store, placed, known, options);
  const results = [...answered, ...first.results];
  await markVerified(db, first.read, context.now());
  if (first.wanted.length === 0) return { results, busy: [], fatal: undefined };

  const asked = first.wanted.map(({ item }) => item);
  const { mine, busy } = await announce(context, target, asked, known);
  // between the first look and the announcement another run may have finished one of them
  const since = await readFiles(
    db,
    feed.id,
    mine.map((item) => item.key),
  );
  const second = await sort(context, store, mine, since, options);
  results.push(...second.results);
  const open = new Set(second.wanted.map(({ item }) => item));
  const done = mine.filter((item) => !open.has(item)).map((item) => item.key as string);
  // a row that came or went since the announcement makes it untrue: that item is announced anew
  await renewWrites(
    db,
    storeId,
    run.id,
    [...open].filter((item) => since.has(item.key) !== known.has(item.key)).map((item) => intentOf(item, since)),
  );

  const stored: Stored[] = [];
  let fatal: unknown;
  // a disk flushes many small files together, which is what their storing costs
  const width = store.localPath === undefined ? context.concurrency : Math.max(context.concurrency, DISK_WIDTH);
  for await (const answer of mapParallel(second.wanted, width, putOne)) {
    if ("result" in answer) stored.push(answer);
    else if ("refusal" in answer) {
      // a definite "no": nothing of ours became visible, so the announcement can go
      if (answer.definite) done.push(answer.item.key);
      results.push(
        outcome(answer.item, answer.refusal.code === "conflict" ? "conflict" : "failed", answer.refusal.message),
      );
    } else fatal ??= answer.fatal;
  }
  results.push(...(await record(context, target, stored, since, done)));
  return { results, busy, fatal };

  async function putOne({ item, replaces }: Wanted): Promise<Answer> {
    if (fatal !== undefined) return { item, fatal };
    try {
      return { item, result: await putPackage(context, store, item, replaces) };
    } catch (error) {
      const definite = isFeedctlError(error, "conflict", "corrupt", "invalid");
      const problem = context.signal.aborted ? undefined : await fileProblem(item.source, error);
      if (problem !== undefined) return { item, refusal: problem, definite };
      return definite ? { item, refusal: error, definite } : { item, fatal: error };
    }
  }
}

/** Commits the rows of stored blobs; `done` are announcements that need not stand any longer. */
async function record(
  context: Context,
  target: Target,
  stored: readonly Stored[],
  rows: Rows,
  done: readonly string[],
): Promise<ImportedFile[]> {
  const { db } = await context.catalog();
  const { feed, storeId, run } = target;
  const published = { at: context.now(), by: context.actor };
  const answers = stored.map(({ item, result }) => {
    const row = rows.get(item.key);
    const status = row === undefined ? "imported" : becomes(item, row);
    return { item, row, status, file: newFile(item, result.tag ?? null) } as const;
  });
  const filesOf = (wanted: string) => answers.filter(({ status }) => status === wanted).map(({ file }) => file);
  const lost = await db.transaction().execute(async (transaction) => {
    await target.assertHeld();
    await lockRows(transaction, feed.id, "shared");
    const back = answers.flatMap(({ row, status, file }) =>
      row !== undefined && status === "restored" ? [{ id: row.id, storeTag: file.storeTag }] : [],
    );
    const restored = await markVerified(transaction, back, published.at);
    // of these somebody deleted the row meanwhile, and that deletion takes care of the blob
    const gone = new Set(answers.filter(({ row, status }) => status === "restored" && !restored.has(row?.id ?? 0)));
    await insertFiles(transaction, feed.id, filesOf("imported"), published);
    await replaceFiles(transaction, feed.id, filesOf("overwritten"), published);
    const kept = answers.filter((answer) => !gone.has(answer));
    await forgetDeletes(
      transaction,
      storeId,
      kept.map(({ file }) => file.key),
    );
    await withdrawWrites(transaction, storeId, run.id, [...answers.map(({ file }) => file.key), ...done]);
    await run.audit(
      transaction,
      kept.map(({ status, file }) => ({
        action: status,
        object: file.key,
        detail: { sha256: file.sha256, size: file.size },
      })),
    );
    return gone;
  });
  return answers.map((answer) =>
    lost.has(answer)
      ? outcome(answer.item, "failed", "the package was deleted while its missing file was put back")
      : outcome(answer.item, answer.status),
  );
}

type Stored = { item: PreparedPackage; result: PutResult };
type Answer =
  | Stored
  | { item: PreparedPackage; refusal: FeedctlError; definite: boolean }
  | { item: PreparedPackage; fatal: unknown };
/** To be stored; `replaces`: over a blob that stands there. */
type Wanted = { item: PreparedPackage; replaces: boolean };

interface Sorted {
  wanted: Wanted[];
  results: ImportedFile[];
  /** Rows whose blobs were read and found right. */
  read: { id: number; storeTag: string | null }[];
}

function becomes(item: PreparedPackage, row: FileRow): "restored" | "overwritten" {
  return row.sha256 === item.hashes.sha256 ? "restored" : "overwritten";
}

/** Parts those that are to be stored from those whose answer is known. */
async function sort(
  context: Context,
  store: Store | undefined,
  items: readonly PreparedPackage[],
  rows: Rows,
  { overwrite, prove }: BatchOptions,
): Promise<Sorted> {
  const sorted: Sorted = { wanted: [], results: [], read: [] };
  const { wanted, results, read } = sorted;
  const toProve: { item: PreparedPackage; row: FileRow }[] = [];
  for (const item of items) {
    const row = rows.get(item.key);
    if (row === undefined) wanted.push({ item, replaces: false });
    else if (row.sha256 !== item.hashes.sha256) {
      if (overwrite) wanted.push({ item, replaces: true });
      else results.push(outcome(item, "conflict", "the feed has this version with other bytes"));
    } else if (prove && store !== undefined) toProve.push({ item, row });
    else results.push(outcome(item, "existing"));
  }
  const proofs = mapParallel(toProve, context.concurrency, async ({ item, row }) => {
    const presence = store === undefined ? undefined : await proveStored(store, row, context.signal);
    return { item, row, presence };
  });
  for await (const { item, row, presence } of proofs) {
    if (presence?.is === "there") {
      if (presence.read) read.push({ id: row.id, storeTag: presence.tag });
      results.push(outcome(item, "existing"));
    } else if (presence?.is === "missing" || overwrite) wanted.push({ item, replaces: presence?.is === "other" });
    else
      results.push(
        outcome(item, "failed", "the store holds other bytes for it than the catalog says; see: feedctl verify"),
      );
  }
  return sorted;
}
