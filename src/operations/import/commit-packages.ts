import { markVerified, readFiles, type FileRow } from "../../catalog/files.ts";
import { insertFiles, lockRows, replaceFiles } from "../../catalog/packages.ts";
import { forgetDeletes, renewWrites, withdrawWrites } from "../../catalog/pending.ts";
import { isRefusedBlob, type FeedctlError } from "../../errors.ts";
import { mapParallel } from "../../lib/concurrency/parallel.ts";
import type { PutResult, Store } from "../../stores/store.ts";
import type { Target } from "../commit/feed-writer.ts";
import { recordStored } from "../commit/announce.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { fileProblem } from "../local-files/file-source.ts";
import { announce, intentOf, type Rows } from "./announce-packages.ts";
import { locatePackages, matchPackages, type Located, type MatchOptions, type Wanted } from "./match-existing.ts";
import { packageOutcome, type PackageOutcome } from "./outcome.ts";
import type { PreparedPackage } from "./prepare-package.ts";
import { newFile, putPackage } from "./put-package.ts";
import { showImported } from "./show-imported.ts";

const DISK_WIDTH = 64;

/** The outcomes that a dry run reports. Announces, stores and records nothing. `store` is only read. */
export async function planBatch(
  context: Context,
  { feedId, store }: { feedId: number; store: Store },
  items: readonly PreparedPackage[],
  options: MatchOptions,
): Promise<PackageOutcome[]> {
  const { db } = await context.catalog();
  const { items: located, rows, answered } = await locatePackages(db, feedId, items);
  const matches = await matchPackages(context, located, { ...options, rows, store });
  const planned = matches.wanted.map(({ item }) => packageOutcome(item, becomes(item, rows.get(item.key))));
  return [...matches.answered, ...answered, ...planned];
}

export interface Batch {
  outcomes: PackageOutcome[];
  /** Not imported: another run is importing the same package. */
  busy: PreparedPackage[];
  /** An error that ends the whole run. The caller reports `outcomes` first, then throws it. */
  fatal: unknown;
}

/**
 * Stores and records files; their keys must differ. Announces the keys, then stores the blobs, then commits the rows. A
 * version that retention has hidden is shown again when one of its files is imported.
 */
export async function commitBatch(
  context: Context,
  target: Target,
  items: readonly PreparedPackage[],
  options: MatchOptions,
): Promise<Batch> {
  const { db } = await context.catalog();
  const { feed, store } = target;
  const located = await locatePackages(db, feed.id, items);
  const matches = await matchPackages(context, located.items, { ...options, rows: located.rows, store });
  if (matches.verified.length > 0)
    await commit(db, [target], (transaction) => markVerified(transaction, matches.verified, context.now()));
  const batch = await storeWanted(context, target, { ...options, wanted: matches.wanted, known: located.rows });
  const outcomes = [...located.answered, ...matches.answered, ...batch.outcomes];
  return { ...batch, outcomes: await showImported(context, target, outcomes) };
}

async function storeWanted(
  context: Context,
  target: Target,
  { wanted, known, ...options }: MatchOptions & { wanted: readonly Wanted[]; known: Located["rows"] },
): Promise<Batch> {
  if (wanted.length === 0) return { outcomes: [], busy: [], fatal: undefined };
  const { db } = await context.catalog();
  const { feed, storeId, store, run } = target;
  const asked = wanted.map(({ item }) => item);
  const { mine, busy } = await announce(context, target, asked, known);
  // another run may have stored one of them between the first read and the announcement
  const since = await readFiles(
    db,
    feed.id,
    mine.map((item) => item.key),
  );
  const matches = await matchPackages(context, mine, { ...options, rows: since, store });
  const open = new Set(matches.wanted.map(({ item }) => item));
  const notNeeded = mine.filter((item) => !open.has(item)).map((item) => item.key);
  // a row was inserted or deleted since the announcement, which depends on it: announce again
  const changed = [...open].filter((item) => since.has(item.key) !== known.has(item.key));
  const renewed = changed.map((item) => intentOf(item, since));
  if (renewed.length > 0)
    await commit(db, [target], (transaction) => renewWrites(transaction, { storeId, runId: run.id }, renewed));
  const { stored, refused, withdrawn, fatal } = await putAll(context, store, matches.wanted);
  const intents = stored.map(({ item }) => intentOf(item, since));
  const recorded = await recordStored(context, target, intents, () =>
    record(context, target, { stored, rows: since, withdrawn: [...notNeeded, ...withdrawn] }),
  );
  return { outcomes: [...matches.answered, ...refused, ...recorded], busy, fatal };
}

interface Stored {
  item: PreparedPackage;
  result: PutResult;
}

interface Puts {
  stored: Stored[];
  refused: PackageOutcome[];
  /** Keys whose announcements can be withdrawn: certainly no blob became visible there. */
  withdrawn: string[];
  fatal: unknown;
}

/** Stores the blobs in parallel. An error that is not a file's own is fatal: no further puts are started. */
async function putAll(context: Context, store: Store, wanted: readonly Wanted[]): Promise<Puts> {
  const puts: Puts = { stored: [], refused: [], withdrawn: [], fatal: undefined };
  // small files on a disk cost mainly the flush, and many flushes at once are combined
  const width = store.localPath === undefined ? context.concurrency : Math.max(context.concurrency, DISK_WIDTH);
  for await (const answer of mapParallel(wanted, width, putUnlessFatal)) {
    if ("result" in answer) puts.stored.push(answer);
    else if ("fatal" in answer) puts.fatal ??= answer.fatal;
    else {
      const { item, refusal, definite } = answer;
      if (definite) puts.withdrawn.push(item.key);
      puts.refused.push(packageOutcome(item, refusal.code === "conflict" ? "conflict" : "failed", refusal.message));
    }
  }
  return puts;

  async function putUnlessFatal(one: Wanted): Promise<PutAnswer> {
    return puts.fatal === undefined ? putOne(context, store, one) : { fatal: puts.fatal };
  }
}

type PutAnswer =
  | Stored
  /** `definite`: certainly no blob became visible. */
  | { item: PreparedPackage; refusal: FeedctlError; definite: boolean }
  | { fatal: unknown };

async function putOne(context: Context, store: Store, { item, replaces }: Wanted): Promise<PutAnswer> {
  try {
    return { item, result: await putPackage(context, store, item, replaces) };
  } catch (error) {
    const definite = isRefusedBlob(error);
    const problem = context.signal.aborted ? undefined : await fileProblem(item.source, error);
    if (problem !== undefined) return { item, refusal: problem, definite };
    return definite ? { item, refusal: error, definite } : { fatal: error };
  }
}

/** Commits the rows of stored blobs. `withdrawn`: further keys whose announcements are no longer needed. */
async function record(
  context: Context,
  target: Target,
  { stored, rows, withdrawn }: { stored: readonly Stored[]; rows: Rows; withdrawn: readonly string[] },
): Promise<PackageOutcome[]> {
  const { db } = await context.catalog();
  const { feed, storeId, run } = target;
  const published = { at: context.now(), by: context.actor };
  const answers = stored.map(({ item, result }) => {
    const row = rows.get(item.key);
    return { item, row, status: becomes(item, row), file: newFile(item, result.tag ?? null) };
  });
  const filesOf = (wanted: string) => answers.filter(({ status }) => status === wanted).map(({ file }) => file);
  const lost = await commit(db, [target], async (transaction) => {
    await lockRows(transaction, feed.id, "shared");
    const back = answers.flatMap(({ row, status, file }) =>
      row !== undefined && status === "restored" ? [{ id: row.id, storeTag: file.storeTag }] : [],
    );
    const restored = await markVerified(transaction, back, published.at);
    await insertFiles(transaction, feed.id, filesOf("imported"), published);
    const replaced = await replaceFiles(transaction, feed.id, filesOf("overwritten"), published);
    // their rows were deleted meanwhile: the pending delete stays, and the blob is deleted as well
    const gone = new Set(
      answers.filter(
        ({ row, status, file }) =>
          (status === "restored" && !restored.has(row?.id ?? 0)) ||
          (status === "overwritten" && !replaced.has(file.key)),
      ),
    );
    const kept = answers.filter((answer) => !gone.has(answer));
    await forgetDeletes(
      transaction,
      storeId,
      kept.map(({ file }) => file.key),
    );
    await withdrawWrites(transaction, { storeId, runId: run.id }, [
      ...answers.map(({ file }) => file.key),
      ...withdrawn,
    ]);
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
  const deleted = "the package was deleted while its file was stored; import it again";
  return answers.map((answer) =>
    lost.has(answer) ? packageOutcome(answer.item, "failed", deleted) : packageOutcome(answer.item, answer.status),
  );
}

/** The status of a stored package; `row`: the file at its key before, if any. */
function becomes(item: PreparedPackage, row: FileRow | undefined): "imported" | "restored" | "overwritten" {
  if (row === undefined) return "imported";
  return row.sha256 === item.hashes.sha256 ? "restored" : "overwritten";
}
