import { findFiles, listFiles, type FileRow } from "../catalog/files.ts";
import { listProofs, saveProofs, type Proof } from "../catalog/proofs.ts";
import { recordDeletes } from "../catalog/pending.ts";
import type { Db } from "../catalog/schema.ts";
import { FeedctlError, isFeedctlError } from "../errors.ts";
import { hashStream } from "../lib/hash.ts";
import { mapParallel } from "../lib/parallel.ts";
import { mergeJoin } from "../lib/merge-join.ts";
import { compareKeys, parseKey } from "../stores/key.ts";
import type { BlobInfo, Store } from "../stores/store.ts";
import type { Context } from "./context.ts";
import { copyBlob } from "./copy-blob.ts";

export interface PassInput {
  feedId: number;
  source: Store;
  target: Store;
  /** The target's row in the catalog: proofs and pending deletes belong to it. */
  targetStoreId: number;
  runId: number;
}

/**
 * `copied`: stored and verified. `verified`: was there already, and its hash was proven now. `same`: proven before.
 * `stale`: an earlier pass copied it, and it is gone from catalog and source since. `foreign`: nobody here knows it.
 */
export type PassOutcome = "copied" | "verified" | "same" | "failed" | "stale" | "foreign";

export interface PassEvent {
  type: "blob";
  outcome: PassOutcome;
  key: string;
  size: number;
  reason?: string;
}

export interface PassSummary {
  copied: number;
  verified: number;
  same: number;
  failed: number;
  /** Copied by an earlier pass and deleted from the feed since: recorded as pending deletes of the target. */
  stale: number;
  /** In the target, but neither in the catalog nor in the source: left alone. */
  foreign: number;
  bytes: number;
}

type Entry = { row: FileRow; source: BlobInfo; target: BlobInfo; proof: Proof };

/**
 * Makes the target hold every blob of the catalog and of the source, each proven by its hash. Deletes nothing itself. Memory
 * is one item per listing and the blobs under way. One blob's failure is an event; a store that is gone throws.
 */
export async function* copyPass(context: Context, db: Db, input: PassInput): AsyncGenerator<PassEvent, PassSummary> {
  const { feedId, source, target, targetStoreId } = input;
  const summary: PassSummary = { copied: 0, verified: 0, same: 0, failed: 0, stale: 0, foreign: 0, bytes: 0 };
  const names = { row: "the catalog", source: source.name, target: target.name, proof: "the catalog's proofs" };
  const entries = mergeJoin<Entry>(
    {
      row: listFiles(db, feedId),
      source: source.list("", { signal: context.signal }),
      target: target.list("", { signal: context.signal }),
      proof: listProofs(db, targetStoreId),
    },
    compareKeys,
    (stream, before, after) =>
      new FeedctlError("corrupt", `the listing of ${names[stream]} is out of order: "${after}" after "${before}"`),
  );
  let proven: Proof[] = [];
  let stale: string[] = [];
  const flush = async () => {
    const [proofs, deletes] = [proven, stale];
    [proven, stale] = [[], []];
    await saveProofs(db, targetStoreId, proofs, context.now());
    await recordDeletes(db, targetStoreId, input.runId, deletes, context.now());
  };
  try {
    for await (const result of mapParallel(entries, context.concurrency, (entry) => work(entry))) {
      if (result === undefined) continue;
      summary[result.event.outcome]++;
      if (result.event.outcome === "copied") summary.bytes += result.event.size;
      if (result.proof !== undefined) proven.push(result.proof);
      if (result.event.outcome === "stale") stale.push(result.event.key);
      if (proven.length + stale.length >= 500) await flush();
      yield result.event;
    }
    await flush();
  } finally {
    await flush().catch(() => {}); // what is left of a pass that broke off; without it the next one proves them again
  }
  return summary;

  async function work(
    entry: { key: string } & Partial<Entry>,
  ): Promise<{ event: PassEvent; proof?: Proof } | undefined> {
    const { key, row, source: from, target: to } = entry;
    const size = row?.size ?? from?.size ?? to?.size ?? 0;
    const event = (outcome: PassOutcome, reason?: string): PassEvent => ({
      type: "blob",
      outcome,
      key,
      size,
      ...(reason === undefined ? {} : { reason }),
    });
    if (row === undefined && from === undefined) {
      if (to === undefined) return undefined;
      return { event: event(entry.proof?.tag === to.tag ? "stale" : "foreign") };
    }
    if (to !== undefined && to.size === size && isProven(entry)) return { event: event("same") };
    try {
      const blob = from ?? (await source.head(parseKey(key), { signal: context.signal }));
      if (blob === undefined) return await vanished(key, "the catalog names it, but the source has no such blob");
      // what an earlier pass put there itself may be replaced: the package was deleted and imported again with other bytes
      const ifExists = to !== undefined && entry.proof?.tag === to.tag ? "replace" : "fail";
      const put = await copy(context, input, blob, row, ifExists);
      const outcome = put.outcome === "unchanged" ? "verified" : "copied";
      const { sha256 } = put;
      return { event: event(outcome), ...(put.tag === undefined ? {} : { proof: { key, tag: put.tag, sha256 } }) };
    } catch (error) {
      if (!isFeedctlError(error, "corrupt", "conflict", "not-found", "invalid")) throw error;
      return error.code === "not-found"
        ? await vanished(key, error.message)
        : { event: event("failed", error.message) };
    }

    /** A package that was deleted since the listings began is nobody's fault. */
    async function vanished(text: string, reason: string) {
      const gone =
        !(await findFiles(db, feedId, [text])).has(text) &&
        (await source.head(parseKey(text), { signal: context.signal })) === undefined;
      return gone ? undefined : { event: event("failed", reason) };
    }
  }
}

/** Whether what the target shows was proven to be the right bytes: by its own hash, or by a tag seen when it was proven. */
function isProven({ row, source, target, proof }: Partial<Entry>): boolean {
  const sha256 = row?.sha256 ?? source?.sha256;
  const md5 = row?.md5 ?? source?.md5;
  if (target === undefined) return false;
  if (proof !== undefined && proof.tag === target.tag && (sha256 === undefined || proof.sha256 === sha256)) {
    // a blob without a row has no hash to hold the proof against: its source must not be newer than the copy
    return row !== undefined || source === undefined || source.modified <= target.modified;
  }
  return sha256 !== undefined && md5 !== undefined && target.sha256 === sha256 && target.md5 === md5;
}

async function copy(
  context: Context,
  { source, target }: PassInput,
  blob: BlobInfo,
  row: FileRow | undefined,
  ifExists: "fail" | "replace",
) {
  if (row !== undefined && blob.size !== row.size)
    throw new FeedctlError("corrupt", `the source's blob has ${blob.size} bytes, the catalog says ${row.size}`);
  // a blob that the catalog does not know is read once more, to have a hash to hold the copy against
  const expected = row ?? (await hashStream(await source.get(blob.key, { signal: context.signal, known: blob })));
  const put = await copyBlob(context, { source, target, blob, ifExists, expected, contentType: row?.contentType });
  return { ...put, sha256: expected.sha256 };
}
