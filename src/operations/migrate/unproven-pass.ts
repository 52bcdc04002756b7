import type { Unchecked } from "../../catalog/connection/check-keys.ts";
import type { Db } from "../../catalog/schema/core.ts";
import {
  announceCopies,
  listUnproven,
  saveProofs,
  type NewProof,
  type UnprovenRow,
} from "../../catalog/migration/proofs.ts";
import { isKey } from "../../lib/key.ts";
import { sameTag } from "../../stores/same-tag.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import { commit, type Holder } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { copyProven, missingInSource, type ProvenInput } from "./copy-proven.ts";
import { existingAs, invalidKey } from "./pass-pair.ts";
import type { Preserve } from "../transfer/preserve.ts";
import { createTransfer } from "../transfer/transfer-pool.ts";
import { uploadNotes } from "../commit/upload-notes.ts";

export interface LiveCount {
  blobs: number;
  bytes: number;
}

export interface RowsInput {
  /** As in `isOwnCopy`. */
  ownTarget: boolean;
  migrationId: number;
  feedId: number;
  source: Store;
  target: Store;
  targetStoreId: number;
  /** The keys after this one, up to and including `upTo` (null: to the end). */
  after: string;
  upTo: string | null;
  /** Files of cached packages are not copied. */
  skipCached: boolean;
  preserve: Preserve | undefined;
  /** Whether all copies are announced. For a target that was empty: its blobs can only be copies of this migration. */
  announce: boolean;
  /** The run that announces them. */
  runId: number;
  /** What this process holds: the migration, or the range that it copies. */
  holders: readonly Holder[];
  /** Counts what is done since the last step. */
  live?: LiveCount | undefined;
  /** Called before each blob; rejects when this process must stop. */
  alive?: (() => Promise<void>) | undefined;
}

/** Counts since the step before. All keys up to `cursor` were tried. */
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
 * Copies the blobs of rows that are not proven in the target, in key order, without listing either store: the part of a
 * pass that can be divided into ranges. Proofs are saved before each step is yielded. Failed blobs are left to a later
 * pass, which lists both stores.
 */
export async function* copyRows(context: Context, db: Db, input: RowsInput): AsyncGenerator<RowsStep> {
  const { feedId, source, target, targetStoreId, migrationId, upTo, skipCached, preserve, holders } = input;
  const { signal } = context;
  const notes = uploadNotes(context, target.name);
  let cursor = input.after;
  let step = emptyStep(cursor);
  let proven: NewProof[] = [];
  await using transfer = createTransfer<{ key: string }>({
    concurrency: context.concurrency,
    signal,
    failed: ({ key }, error) => void step.failures.push({ key, reason: error.message }),
  });

  const copy = async (row: UnprovenRow): Promise<void> => {
    await input.alive?.();
    const blob = await findSource(row);
    if (blob === undefined) throw missingInSource();
    const done = await copyProven(context, {
      source,
      target,
      blob,
      row,
      preserve,
      notes,
      ...(await existingCopy(row)),
    });
    if (done.proof !== undefined) proven.push(done.proof);
    step[done.outcome]++;
    if (done.outcome === "copied") step.bytes += row.size;
    if (input.live === undefined) return;
    input.live.blobs++;
    if (done.outcome === "copied") input.live.bytes += row.size;
  };

  for (;;) {
    const rows = await listUnproven(db, feedId, targetStoreId, { after: cursor, upTo, limit: PAGE });
    const finished = rows.length < PAGE;
    const last = rows.at(-1)?.key ?? cursor;
    cursor = finished ? (upTo ?? last) : last;
    step = { ...emptyStep(cursor), finished };
    const wanted = rows.filter(isValid).filter((row) => !(skipCached && row.cached));
    // a property update changes the tag: without an announcement, a crash before the proof would lose the copy
    const announced = input.announce ? wanted : wanted.filter((row) => row.sameBytes && isOwn(row));
    const about = { storeId: targetStoreId, runId: input.runId, now: context.now() };
    await commit(db, holders, (transaction) => announceCopies(transaction, about, announced));
    try {
      for (const row of wanted) await transfer.add(row, () => copy(row));
      await transfer.idle();
    } finally {
      await transfer.idle().catch(() => {}); // proofs of the other running copies are saved, too
      const proofs = proven;
      proven = [];
      const saved = { storeId: targetStoreId, migrationId, now: context.now() };
      await commit(db, holders, (transaction) => saveProofs(transaction, saved, proofs));
    }
    yield step;
    if (finished) return;
  }

  /** Whether the key is valid; reports a failure if not. */
  function isValid(row: Unchecked<UnprovenRow>): row is UnprovenRow {
    if (isKey(row.key)) return true;
    step.failures.push({ key: row.key, reason: invalidKey(row.key) });
    return false;
  }

  /** The source's blob: from the row, when its tag is enough to read that version; else by a HEAD. */
  async function findSource(row: UnprovenRow): Promise<BlobInfo | undefined> {
    if (source.features.listsAll || row.storeTag === null) return source.head(row.key, { signal });
    return { key: row.key, size: row.size, modified: row.createdAt, tag: row.storeTag };
  }

  function isOwn({ copiedBy }: UnprovenRow): boolean {
    return copiedBy === migrationId;
  }

  /** How to treat the target's blob, which may not have changed since its proof. */
  async function existingCopy(row: UnprovenRow): Promise<Pick<ProvenInput, "ifExists" | "copy">> {
    if (row.tag === null) return { ifExists: "fail" };
    const blob = await target.head(row.key, { signal });
    const { tag, copiedBy, unread } = row;
    const proof = { tag, copiedBy, unread: unread === true };
    if (blob !== undefined && sameTag(tag, blob.tag) && row.sameBytes && !proof.unread)
      return { ifExists: "fail", copy: { blob, own: isOwn(row) } };
    return { ifExists: existingAs(input.ownTarget, blob, proof) };
  }
}

function emptyStep(cursor: string): RowsStep {
  return { cursor, copied: 0, verified: 0, bytes: 0, failures: [], finished: false };
}
