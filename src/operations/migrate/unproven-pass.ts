import type { Db } from "../../catalog/schema/core.ts";
import {
  announceCopies,
  listUnproven,
  saveProofs,
  type NewProof,
  type UnprovenRow,
} from "../../catalog/migration/proofs.ts";
import { FeedctlError } from "../../errors.ts";
import { parseKey } from "../../stores/key.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { copyProven, type ProvenInput } from "./copy-proven.ts";
import { createTransfer } from "../transfer/transfer-pool.ts";
import { uploadNotes } from "../commit/upload-notes.ts";

export interface RowsInput {
  feedId: number;
  source: Store;
  target: Store;
  targetStoreId: number;
  migrationId: number;
  /** Keys behind this one, up to and with `upTo`; null: to the end. */
  after: string;
  upTo: string | null;
  skipCached: boolean;
  /**
   * Nothing but copies of this migration can stand in the target: what is found there is its own. They are announced in
   * the name of this run.
   */
  announce: boolean;
  runId: number;
  /** Awaited before each blob; rejects when this process may not go on. */
  alive?: (() => Promise<void>) | undefined;
}

/** What was done since the step before; everything up to `cursor` was tried. */
export interface RowsStep {
  cursor: string;
  copied: number;
  verified: number;
  bytes: number;
  failures: { key: string; reason: string }[];
  finished: boolean;
}

const PAGE = 500;

/**
 * Copies what the catalog names and nothing has proven in the target yet, in order, without listing either store: the
 * part of a pass that can be divided. Proofs are saved before each step is told. A blob's failure is left to a later
 * pass, which sees both stores.
 */
export async function* copyRows(context: Context, db: Db, input: RowsInput): AsyncGenerator<RowsStep> {
  const { feedId, source, target, targetStoreId, migrationId, upTo, skipCached } = input;
  const { signal } = context;
  const notes = uploadNotes(context, target.name);
  let cursor = input.after;
  let step = emptyStep(cursor);
  let proven: NewProof[] = [];
  await using transfer = createTransfer<{ key: string }>({
    concurrency: context.concurrency,
    retries: 0,
    wait: 0,
    spool: "",
    signal,
    again: async () => {},
    postponed() {},
    failed: ({ key }, error) => step.failures.push({ key, reason: error.message }),
  });

  const copy = async (row: UnprovenRow): Promise<void> => {
    await input.alive?.();
    const blob = await find(row);
    if (blob === undefined) throw new FeedctlError("not-found", "the source has no such blob");
    const done = await copyProven(context, { source, target, blob, row, notes, ...(await standing(row)) });
    if (done.proof !== undefined) proven.push(done.proof);
    step[done.outcome]++;
    if (done.outcome === "copied") step.bytes += row.size;
  };

  for (;;) {
    const rows = await listUnproven(db, feedId, targetStoreId, { after: cursor, upTo, limit: PAGE });
    const finished = rows.length < PAGE;
    const last = rows.at(-1)?.key ?? cursor;
    cursor = finished ? (upTo ?? last) : last;
    step = { ...emptyStep(cursor), finished };
    const wanted = rows.filter((row) => !(skipCached && row.cached));
    // an own copy that is only described anew stays one, even if this process dies before it can save the new proof
    const announced = input.announce ? wanted : wanted.filter((row) => row.sameBytes && isOwn(row));
    await announceCopies(db, { storeId: targetStoreId, runId: input.runId, now: context.now() }, announced);
    try {
      for (const row of wanted) await transfer.add(row, () => copy(row));
      await transfer.idle();
    } finally {
      await transfer.idle().catch(() => {}); // what is under way when another fails is proven, too
      const proofs = proven;
      proven = [];
      await saveProofs(db, { storeId: targetStoreId, migrationId, now: context.now() }, proofs);
    }
    yield step;
    if (finished) return;
  }

  /** As the catalog knows it, where that is enough to read that very version; else as the source tells it. */
  async function find(row: UnprovenRow): Promise<BlobInfo | undefined> {
    const key = parseKey(row.key);
    if (source.features.listsAll || row.storeTag === null) return source.head(key, { signal });
    return { key, size: row.size, modified: row.createdAt, tag: row.storeTag };
  }

  function isOwn({ copiedBy }: UnprovenRow): boolean {
    return copiedBy === migrationId;
  }

  /** What stands in the target: other bytes may go only if a pass of this migration has put them there. */
  async function standing(row: UnprovenRow): Promise<Pick<ProvenInput, "ifExists" | "copy">> {
    if (row.tag === null) return { ifExists: "fail" };
    const there = await target.head(parseKey(row.key), { signal });
    if (there?.tag !== row.tag) return { ifExists: "fail" };
    return row.sameBytes ? { ifExists: "fail", copy: { blob: there, own: isOwn(row) } } : { ifExists: "replace" };
  }
}

function emptyStep(cursor: string): RowsStep {
  return { cursor, copied: 0, verified: 0, bytes: 0, failures: [], finished: false };
}
