import type { FeedRow } from "../catalog/feeds.ts";
import { findFiles } from "../catalog/files.ts";
import { insertFiles, replaceFiles } from "../catalog/packages.ts";
import {
  adoptWrites,
  announceWrites,
  findDeletes,
  forgetDeletes,
  renewWrites,
  withdrawWrites,
  type HeldIntent,
  type WriteIntent,
} from "../catalog/pending.ts";
import { isFeedctlError, type FeedctlError } from "../errors.ts";
import { mapParallel } from "../lib/parallel.ts";
import { parseKey, type Key } from "../stores/key.ts";
import type { PutResult, Store } from "../stores/store.ts";
import type { Context } from "./context.ts";
import type { Target } from "./feed-writer.ts";
import { outcome, type ImportedFile } from "./import-outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";
import { finishReplacements } from "./finish-replacements.ts";
import { deadRuns } from "./run.ts";
import { contentHash } from "./content-hash.ts";
import { deleteBlobs } from "./settle-pending.ts";
import { newFile, putPackage, sourceProblem } from "./store-package.ts";

/** What a dry run says of the files: nothing is announced, stored or recorded. */
export async function planBatch(
  context: Context,
  feed: FeedRow,
  items: readonly PreparedPackage[],
  overwrite: boolean,
): Promise<ImportedFile[]> {
  const { db } = await context.catalog();
  const rows = await findFiles(
    db,
    feed.id,
    items.map((item) => item.key),
  );
  return items.map(
    (item) =>
      existingOutcome(item, rows.get(item.key), overwrite) ??
      outcome(item, rows.has(item.key) ? "overwritten" : "imported"),
  );
}

export interface Batch {
  results: ImportedFile[];
  /** Not done, because another run is importing the same package right now. */
  busy: PreparedPackage[];
}

/**
 * Stores and records files with different keys: announced, stored, committed, in that order. With `overwrite` other bytes
 * of a known file are replaced.
 */
export async function commitBatch(
  context: Context,
  target: Target,
  items: readonly PreparedPackage[],
  overwrite: boolean,
): Promise<Batch> {
  const { db } = await context.catalog();
  const { feed, storeId, store, run } = target;
  const results: ImportedFile[] = [];
  const known = await findFiles(
    db,
    feed.id,
    items.map((item) => item.key),
  );
  const wanted = split(items, known, results, overwrite);
  if (wanted.length === 0) return { results, busy: [] };

  const { mine, busy } = await announce(context, target, wanted, known);
  // between the first look and the announcement another run may have finished one of them
  const since = await findFiles(
    db,
    feed.id,
    mine.map((item) => item.key),
  );
  const writable = split(mine, since, results, overwrite);
  const open = new Set(writable);
  const done = mine.filter((item) => !open.has(item)).map((item) => item.key as string);
  // a row that came or went since the announcement makes it untrue: that item is announced anew
  await renewWrites(
    db,
    storeId,
    run.id,
    writable.filter((item) => since.has(item.key) !== known.has(item.key)).map((item) => intentOf(item, since)),
  );

  const stored: Stored[] = [];
  let fatal: unknown;
  for await (const answer of mapParallel(writable, context.concurrency, putOne)) {
    if ("result" in answer) stored.push(answer);
    else if ("refusal" in answer) {
      // a definite "no": nothing of ours became visible, so the announcement can go
      if (answer.definite) done.push(answer.item.key);
      results.push(
        outcome(answer.item, answer.refusal.code === "conflict" ? "conflict" : "failed", answer.refusal.message),
      );
    } else fatal ??= answer.fatal;
  }

  const files = stored.map(({ item, result }) => newFile(item, result.tag ?? null));
  const published = { at: context.now(), by: context.actor };
  const [replaced, inserted] = [files.filter(({ key }) => since.has(key)), files.filter(({ key }) => !since.has(key))];
  await db.transaction().execute(async (transaction) => {
    await target.assertHeld();
    const keys = files.map((file) => file.key);
    await insertFiles(transaction, feed.id, inserted, published);
    await replaceFiles(transaction, feed.id, replaced, published);
    await forgetDeletes(transaction, storeId, keys);
    await withdrawWrites(transaction, storeId, run.id, [...keys, ...done]);
    await run.audit(
      transaction,
      files.map((file) => ({
        action: since.has(file.key) ? "overwritten" : "imported",
        object: file.key,
        detail: { sha256: file.sha256, size: file.size },
      })),
    );
  });
  for (const { item } of stored) results.push(outcome(item, since.has(item.key) ? "overwritten" : "imported"));
  if (fatal !== undefined) throw fatal;
  return { results, busy };

  async function putOne(item: PreparedPackage): Promise<Answer> {
    if (fatal !== undefined) return { item, fatal };
    try {
      return { item, result: await putPackage(context, store, item, since.has(item.key)) };
    } catch (error) {
      const definite = isFeedctlError(error, "conflict", "corrupt", "invalid");
      const problem = context.signal.aborted ? undefined : await sourceProblem(item);
      if (problem !== undefined) return { item, refusal: problem, definite };
      return definite ? { item, refusal: error, definite } : { item, fatal: error };
    }
  }
}

type Stored = { item: PreparedPackage; result: PutResult };
type Answer =
  | Stored
  | { item: PreparedPackage; refusal: FeedctlError; definite: boolean }
  | { item: PreparedPackage; fatal: unknown };
type Rows = Awaited<ReturnType<typeof findFiles>>;

/** Those that are to be stored; the others are answered. */
function split(
  items: readonly PreparedPackage[],
  rows: Rows,
  results: ImportedFile[],
  overwrite: boolean,
): PreparedPackage[] {
  return items.filter((item) => {
    const answer = existingOutcome(item, rows.get(item.key), overwrite);
    if (answer !== undefined) results.push(answer);
    return answer === undefined;
  });
}

function existingOutcome(
  item: PreparedPackage,
  row: { sha256: string } | undefined,
  overwrite: boolean,
): ImportedFile | undefined {
  if (row === undefined) return undefined;
  if (row.sha256 === item.hashes.sha256) return outcome(item, "existing");
  if (overwrite) return undefined;
  return outcome(item, "conflict", "the feed has this version with other bytes");
}

/** What is to be written; with the row that will stand for it, where one stands for other bytes now. */
function intentOf(item: PreparedPackage, rows: Rows): WriteIntent {
  const intent = { key: item.key, sha256: item.hashes.sha256 };
  return rows.has(item.key) ? { ...intent, replacement: newFile(item, null) } : intent;
}

async function announce(context: Context, target: Target, items: readonly PreparedPackage[], rows: Rows) {
  const catalog = await context.catalog();
  const { feed, storeId, store, run } = target;
  const intents = items.map((item) => intentOf(item, rows));
  const held = await announceWrites(catalog.db, storeId, run.id, intents, context.now());
  const dead = await deadRuns(
    catalog,
    held.map((intent) => intent.runId),
    run.id,
  );
  const adopted = new Set(
    await adoptWrites(
      catalog.db,
      storeId,
      run.id,
      held.map((intent) => intent.key),
      dead,
    ),
  );
  const taken = held.filter((intent) => adopted.has(intent.key));
  // which of two contents a row stands for must be known before a third one comes
  await finishReplacements(context, catalog.db, { feedId: feed.id, store }, taken);
  const others = new Set(held.filter((intent) => !adopted.has(intent.key)).map((intent) => intent.key));
  const mine = items.filter((item) => !others.has(item.key));
  const busy = items.filter((item) => others.has(item.key));
  await clearLeftovers(
    context,
    store,
    new Map(mine.map((item) => [item.key, item.hashes.sha256])),
    taken.filter((intent) => intent.replacement == null),
    await findDeletes(
      catalog.db,
      storeId,
      mine.map((item) => item.key),
    ),
  );
  await renewWrites(
    catalog.db,
    storeId,
    run.id,
    intents.filter((intent) => adopted.has(intent.key)),
  );
  return { mine, busy };
}

/** Makes room where the catalog knows that a blob is nobody's: other bytes of a dead run, and what waits for its deletion. */
async function clearLeftovers(
  context: Context,
  store: Store,
  wanted: ReadonlyMap<Key, string>,
  adopted: readonly HeldIntent[],
  doomed: readonly string[],
): Promise<void> {
  await deleteBlobs(store, doomed.map(parseKey), context.signal);
  for (const { key: text, sha256 } of adopted) {
    const key = parseKey(text);
    if (wanted.get(key) === sha256 || (await contentHash(store, key, context.signal)) !== sha256) continue;
    await store.delete(key, { signal: context.signal });
  }
}
