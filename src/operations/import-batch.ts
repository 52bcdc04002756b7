import { access, constants, stat } from "node:fs/promises";
import type { FeedRow } from "../catalog/feeds.ts";
import { findFiles } from "../catalog/files.ts";
import { insertFiles, type NewFile } from "../catalog/packages.ts";
import {
  adoptWrites,
  announceWrites,
  findDeletes,
  forgetDeletes,
  renewWrites,
  withdrawWrites,
  type HeldIntent,
} from "../catalog/pending.ts";
import { FeedctlError, isFeedctlError } from "../errors.ts";
import { mapParallel } from "../lib/parallel.ts";
import { parseKey, type Key } from "../stores/key.ts";
import type { PutResult, Store } from "../stores/store.ts";
import type { Context } from "./context.ts";
import type { Target } from "./feed-writer.ts";
import { outcome, type ImportedFile } from "./import-outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";
import { deadRuns } from "./run.ts";
import { contentHash, deleteBlobs } from "./settle-pending.ts";

/** What a dry run says of the files: nothing is announced, stored or recorded. */
export async function planBatch(
  context: Context,
  feed: FeedRow,
  items: readonly PreparedPackage[],
): Promise<ImportedFile[]> {
  const { db } = await context.catalog();
  const rows = await findFiles(
    db,
    feed.id,
    items.map((item) => item.key),
  );
  return items.map((item) => existingOutcome(item, rows.get(item.key)) ?? outcome(item, "imported"));
}

export interface Batch {
  results: ImportedFile[];
  /** Not done, because another run is importing the same package right now. */
  busy: PreparedPackage[];
}

/** Stores and records files with different keys: announced, stored, committed, in that order. */
export async function commitBatch(context: Context, target: Target, items: readonly PreparedPackage[]): Promise<Batch> {
  const { db } = await context.catalog();
  const { feed, storeId, store, run } = target;
  const results: ImportedFile[] = [];
  const known = await findFiles(
    db,
    feed.id,
    items.map((item) => item.key),
  );
  const wanted = split(items, known, results);
  if (wanted.length === 0) return { results, busy: [] };

  const { mine, busy } = await announce(context, target, wanted);
  // between the first look and the announcement another run may have finished one of them
  const since = await findFiles(
    db,
    feed.id,
    mine.map((item) => item.key),
  );
  const writable = split(mine, since, results);
  const done = mine.filter((item) => since.has(item.key)).map((item) => item.key as string);

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
  await db.transaction().execute(async (transaction) => {
    await target.assertHeld();
    const keys = files.map((file) => file.key);
    await insertFiles(transaction, feed.id, files, { at: context.now(), by: context.actor });
    await forgetDeletes(transaction, storeId, keys);
    await withdrawWrites(transaction, storeId, run.id, [...keys, ...done]);
    await run.audit(
      transaction,
      files.map((file) => ({ action: "imported", object: file.key, detail: { sha256: file.sha256, size: file.size } })),
    );
  });
  for (const { item } of stored) results.push(outcome(item, "imported"));
  if (fatal !== undefined) throw fatal;
  return { results, busy };

  async function putOne(item: PreparedPackage): Promise<Answer> {
    if (fatal !== undefined) return { item, fatal };
    try {
      return { item, result: await putBlob(context, store, item) };
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

/** Those without a row; the others are answered. */
function split(items: readonly PreparedPackage[], rows: Rows, results: ImportedFile[]): PreparedPackage[] {
  return items.filter((item) => {
    const answer = existingOutcome(item, rows.get(item.key));
    if (answer !== undefined) results.push(answer);
    return answer === undefined;
  });
}

function existingOutcome(item: PreparedPackage, row: { sha256: string } | undefined): ImportedFile | undefined {
  if (row === undefined) return undefined;
  if (row.sha256 === item.hashes.sha256) return outcome(item, "existing");
  return outcome(item, "conflict", "the feed has this version with other bytes");
}

async function announce(context: Context, target: Target, items: readonly PreparedPackage[]) {
  const catalog = await context.catalog();
  const { storeId, store, run } = target;
  const intents = items.map((item) => ({ key: item.key, sha256: item.hashes.sha256 }));
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
  const others = new Set(held.filter((intent) => !adopted.has(intent.key)).map((intent) => intent.key));
  const mine = items.filter((item) => !others.has(item.key));
  const busy = items.filter((item) => others.has(item.key));
  await clearLeftovers(
    context,
    store,
    new Map(mine.map((item) => [item.key, item.hashes.sha256])),
    held.filter((intent) => adopted.has(intent.key)),
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

/** A blob without a row that stands there all the same is somebody's file: it makes the import a conflict. */
async function putBlob(context: Context, store: Store, item: PreparedPackage): Promise<PutResult> {
  const { sha256, md5 } = item.hashes;
  try {
    return await store.put(item.key, item.source, {
      ifExists: "fail",
      sha256,
      md5,
      contentType: item.identity.contentType,
      signal: context.signal,
    });
  } catch (error) {
    if (isFeedctlError(error, "conflict")) {
      throw new FeedctlError(
        "conflict",
        `the store holds something else at ${item.key} that the catalog does not know: ${error.message}`,
        { cause: error, hint: "see: feedctl verify" },
      );
    }
    throw error;
  }
}

/** Whether the file itself is no longer what it was, in contrast to a store that is gone. */
async function sourceProblem({ source }: PreparedPackage): Promise<FeedctlError | undefined> {
  const path = source.path ?? "";
  try {
    await access(path, constants.R_OK);
    if ((await stat(path)).size === source.size) return undefined;
    return new FeedctlError("corrupt", "the file changed while it was imported");
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
    return new FeedctlError(
      "not-found",
      gone ? "the file vanished before it was stored" : "the file cannot be read any more",
      { cause: error },
    );
  }
}

function newFile(item: PreparedPackage, storeTag: string | null): NewFile {
  const { identity, hashes, source, key } = item;
  return {
    group: identity.group,
    name: identity.name,
    nameKey: identity.nameKey,
    version: identity.version,
    normalizedVersion: identity.normalizedVersion,
    sortKey: identity.sortKey.toString("hex"),
    prerelease: identity.prerelease,
    qualifier: identity.qualifier,
    key,
    size: source.size,
    contentType: identity.contentType,
    storeTag,
    metadata: identity.metadata,
    ...hashes,
  };
}
