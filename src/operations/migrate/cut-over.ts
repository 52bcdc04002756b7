import { endCutOver, updateMigration } from "../../catalog/migration/feed-migrations.ts";
import { feedTotals } from "../../catalog/feeds.ts";
import { saveFailures } from "../../catalog/migration/progress.ts";
import { listPendingKeys } from "../../catalog/pending.ts";
import { adoptProofs, countUnproven, keepOldProofs, recordStale } from "../../catalog/migration/proofs.ts";
import { makeCurrent, replaceStore, updateStorePlace } from "../../catalog/stores.ts";
import { FeedctlError } from "../../errors.ts";
import { takeCached } from "../packages/clear-cached.ts";
import { noPass, type PassEvent, type PassSummary } from "./pass-log.ts";
import { copyRows } from "./unproven-pass.ts";
import { commit, type Holder } from "../commit/commit.ts";
import { lockWrites } from "../commit/lock-feed.ts";
import { sealStore } from "../feed-store/store-seal.ts";
import type { Session } from "./session.ts";
import { finishPending, reportUndeleted } from "../commit/settle.ts";

export interface CutOver {
  /** Counts of the copies that were made while the feed was frozen. */
  last: PassSummary;
  switched: boolean;
  frozenMilliseconds: number;
}

/**
 * Freezes the feed, copies what changed since the last pass, checks that every row has its proven blob in the new
 * store, and switches in one transaction. After a failure the feed stays in its store. The pass before must have
 * compared both stores completely, because this one lists neither.
 */
export async function* cutOver(session: Session): AsyncGenerator<PassEvent, CutOver> {
  const { context, catalog, feed, ends, migration, run, source, target } = session;
  const { db } = catalog;
  const last = { ...noPass };
  try {
    await using frozen = await lockWrites(
      context,
      catalog,
      feed,
      `when it is quiet: feedctl migrate cutover ${feed.name}`,
    );
    const since = performance.now();
    const holders = [...session.holders, frozen];
    const switching = { state: "switching", updated_at: context.now() } as const;
    await commit(db, holders, (transaction) => updateMigration(transaction, migration.id, switching));
    // leftovers of dead runs, and blobs with pending deletes, must not get into the new store
    const withdrawn = await listPendingKeys(db, ends.current.id);
    const finished = await finishPending(context, { feed, storeId: ends.current.id, store: source, run });
    reportUndeleted(context, feed.name, finished, "none");
    const about = { feedId: feed.id, source, target, targetStoreId: migration.to_store_id, migrationId: migration.id };
    const how = {
      skipCached: migration.plan.cached === "skip",
      preserve: migration.plan.preserve,
      announce: migration.plan.fresh === true,
      ownTarget: session.ownTarget,
      runId: run.id,
      holders,
    };
    for await (const step of copyRows(context, db, { ...about, after: "", upTo: null, ...how })) {
      await commit(db, holders, (transaction) => saveFailures(transaction, migration.id, step.failures, context.now()));
      for (const { key, reason } of step.failures) yield { type: "blob", outcome: "failed", key, size: 0, reason };
      last.copied += step.copied;
      last.verified += step.verified;
      last.failed += step.failures.length;
      last.bytes += step.bytes;
    }
    if (last.failed === 0) await switchStore(session, holders, withdrawn);
    const frozenMilliseconds = Math.round(performance.now() - since);
    await commit(db, session.holders, (transaction) =>
      updateMigration(transaction, migration.id, { frozen_milliseconds: frozenMilliseconds }),
    );
    return { last, switched: last.failed === 0, frozenMilliseconds };
  } finally {
    // unfreeze the feed, also after a failure
    await commit(db, session.holders, (transaction) => endCutOver(transaction, migration.id)).catch(() => {});
  }
}

async function switchStore(
  { context, catalog, feed, ends, migration, run }: Session,
  holders: readonly Holder[],
  withdrawn: readonly string[],
): Promise<void> {
  const now = context.now();
  const { from, current, next } = ends;
  const storeId = migration.to_store_id;
  await commit(catalog.db, holders, async (db) => {
    if (migration.plan.cached === "skip") {
      const skipped = { feedId: feed.id, stores: [{ storeId: current.id, copiesOnly: false }], run };
      while ((await takeCached(context, db, skipped, 1000)).versions > 0);
    }
    const unproven = await countUnproven(db, feed.id, storeId);
    if (unproven > 0)
      throw new FeedctlError("corrupt", `${unproven} files of feed "${feed.name}" are not proven in the new store`, {
        hint: `the feed stays in its store; to continue: feedctl migrate resume ${feed.name}`,
      });
    const { files, bytes } = await feedTotals(db, feed.id);
    await recordStale(db, { feedId: feed.id, storeId, migrationId: migration.id, runId: run.id, withdrawn, now });
    await keepOldProofs(db, feed.id, current.id, now);
    await replaceStore(db, current.id, from, now);
    await makeCurrent(db, storeId);
    await updateStorePlace(db, storeId, { options: next.options, location: next.savedLocation });
    await sealStore(context, db, storeId);
    await adoptProofs(db, feed.id, storeId, now);
    await updateMigration(db, migration.id, {
      state: "switched",
      switched_at: now,
      finished_at: now,
      request: null,
      blobs: files,
      bytes,
    });
    if (migration.reverses !== null) await updateMigration(db, migration.reverses, { state: "rolled-back" });
    const action = migration.reverses === null ? "feed migrated" : "migration rolled back";
    const detail = { migration: migration.id, from: ends.names.from, to: ends.names.to };
    await run.audit(db, [{ action, object: feed.name, detail }]);
  });
}
