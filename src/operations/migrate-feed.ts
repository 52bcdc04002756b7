import { openMigration, insertMigration, updateMigration, type MigrationRow } from "../catalog/feed-migrations.ts";
import type { FeedRow } from "../catalog/feeds.ts";
import type { Catalog } from "../catalog/catalog.ts";
import {
  insertStore,
  makeCurrent,
  replaceStore,
  reuseAsTarget,
  storesOfFeed,
  updateStorePlace,
  type StoreRow,
} from "../catalog/stores.ts";
import { adoptProofs } from "../catalog/proofs.ts";
import { insertAuditEvents } from "../catalog/runs.ts";
import { FeedctlError } from "../errors.ts";
import { mergeJoin } from "../lib/merge-join.ts";
import { compareKeys } from "../stores/key.ts";
import { overlap, locationName, type Location } from "../stores/location.ts";
import type { BlobInfo } from "../stores/store.ts";
import type { StoreType } from "../stores/store-types.ts";
import type { Context } from "./context.ts";
import { copyPass, type PassEvent, type PassSummary } from "./copy-pass.ts";
import { frozenPlace, openFeedStore, prepareStore, refuseOverlap, requireStore, type NewStore } from "./feed-store.ts";
import { requireLiveFeed } from "./find-feed.ts";
import { lockMigration } from "./lock-feed.ts";
import { startRun, type Run } from "./run.ts";
import type { StoreOptions } from "./secrets.ts";
import { settlePending } from "./settle-pending.ts";

export interface MigrateInput {
  feed: string;
  type: StoreType;
  options: StoreOptions;
  dryRun?: boolean | undefined;
}

export interface MigratePass {
  type: "pass";
  number: number;
  /** The last pass runs while nobody may write to the feed. */
  frozen: boolean;
}

export interface MigrateSummary extends PassSummary {
  type: "summary";
  feed: string;
  from: string;
  to: string;
  /** `switched` now; `already` there before; `planned` by a dry run; `incomplete`: failures, the feed stays where it is. */
  outcome: "switched" | "already" | "planned" | "incomplete";
  passes: number;
  /** How long the feed could not be written to. */
  frozenMilliseconds: number;
}

export type MigrateEvent = MigratePass | PassEvent | MigrateSummary;

/** A delta pass that copies at most this many blobs is small enough for the feed to be frozen for the rest. */
const SMALL_DELTA = 100;
const MOST_PASSES = 10;

/**
 * Moves a feed to another store: copies every blob, proves each by its hash, switches in one transaction. Rows and old
 * files stay. Stopped at any moment and started again, it goes on where it was.
 */
export async function* migrateFeed(context: Context, input: MigrateInput): AsyncGenerator<MigrateEvent> {
  const catalog = await context.catalog();
  const feed = await requireLiveFeed(catalog.db, input.feed);
  await using _lock = await lockMigration(catalog, feed);
  const current = await requireStore(catalog.db, feed);
  const next = await prepareStore(context, catalog.db, feed, input.type, input.options);
  const from = await frozenPlace(context, catalog.db, feed, current);
  const places = { feed: feed.name, from: locationName(from.location as Location), to: locationName(next.location) };
  const nothing: PassSummary = { copied: 0, verified: 0, same: 0, failed: 0, stale: 0, foreign: 0, bytes: 0 };

  if (overlap(next.location, from.location as Location) === "same") {
    if (!input.dryRun)
      await updateStorePlace(catalog.db, current.id, { options: next.options, location: next.savedLocation });
    yield { type: "summary", ...places, ...nothing, outcome: "already", passes: 0, frozenMilliseconds: 0 };
    return;
  }
  await refuseOverlap(context, catalog.db, feed, next.location);
  await using source = await openFeedStore(context, catalog.db, feed, current);
  await using target = await context.openStore(next.config);
  // wrong credentials show before anything is recorded
  for (const store of [source, target]) for await (const _ of store.list("", { signal: context.signal })) break;

  if (input.dryRun) {
    const planned = { ...nothing };
    const pairs = mergeJoin<{ from: BlobInfo; to: BlobInfo }>(
      { from: source.list("", { signal: context.signal }), to: target.list("", { signal: context.signal }) },
      compareKeys,
      (stream, before, after) =>
        new FeedctlError(
          "corrupt",
          `the listing of ${stream === "from" ? source.name : target.name} is out of order: "${after}" after "${before}"`,
        ),
    );
    for await (const pair of pairs) {
      if (pair.from === undefined) planned.foreign++;
      else if (pair.to?.size === pair.from.size) planned.same++;
      else {
        planned.copied++;
        planned.bytes += pair.from.size;
      }
    }
    yield { type: "summary", ...places, ...planned, outcome: "planned", passes: 0, frozenMilliseconds: 0 };
    return;
  }

  await using run = await startRun(context, "migrate run", feed.id);
  const { migration, storeId } = await openOrResume(context, catalog, feed, current, next, run);
  const total = { ...nothing };
  const pass = (db: Catalog["db"]) =>
    copyPass(context, db, { feedId: feed.id, source, target, targetStoreId: storeId, runId: run.id });
  let number = 0;
  for (;;) {
    yield { type: "pass", number: ++number, frozen: false };
    const done = yield* pass(catalog.db);
    addPass(total, done);
    if (done.failed > 0 || done.copied <= SMALL_DELTA || number >= MOST_PASSES) break;
  }
  let frozenMilliseconds = 0;
  if (total.failed === 0) {
    await using frozen = await freeze(context, catalog, feed);
    const since = performance.now();
    // blobs whose rows are gone must be gone too, or they would be copied as blobs that the catalog does not know
    await settlePending(context, feed, current.id, source, run);
    yield { type: "pass", number: ++number, frozen: true };
    const done = yield* pass(catalog.db);
    addPass(total, done);
    // what this migration copied or proved itself shows as the same in the last pass
    total.same = Math.max(0, done.same + done.copied + done.verified - total.copied - total.verified);
    if (total.failed === 0) {
      await frozen.assertHeld();
      await switchStore(context, catalog, { feed, current, next, migration, storeId, run, total, from });
    }
    frozenMilliseconds = Math.round(performance.now() - since);
  }
  if (total.failed === 0) await settlePending(context, feed, storeId, target, run);
  const summary: MigrateSummary = {
    type: "summary",
    ...places,
    ...total,
    outcome: total.failed === 0 ? "switched" : "incomplete",
    passes: number,
    frozenMilliseconds,
  };
  await run.finish(summary);
  yield summary;
}

async function freeze(context: Context, catalog: Catalog, feed: FeedRow) {
  const lock = await catalog.lock({
    kind: "write",
    id: feed.id,
    mode: "exclusive",
    wait: context.lockWait,
    signal: context.signal,
    onWait: () => context.notice(`waiting until imports into feed "${feed.name}" pause`),
  });
  if (lock !== undefined) return lock;
  throw new FeedctlError("locked", `feed "${feed.name}" is being written to; everything is copied but the switch`, {
    hint: "run the same command again: it goes on where it was",
  });
}

async function openOrResume(
  context: Context,
  catalog: Catalog,
  feed: FeedRow,
  current: StoreRow,
  next: NewStore,
  run: Run,
): Promise<{ migration: MigrationRow; storeId: number }> {
  return catalog.db.transaction().execute(async (db) => {
    await refuseOverlap(context, db, feed, next.location); // again, where nobody else can take the place meanwhile
    const stores = await storesOfFeed(db, feed.id);
    // until the switch even a default directory is kept as the place it is, so that the next run finds it again
    const place = { options: next.options, location: next.location };
    const open = await openMigration(db, feed.id);
    if (open !== undefined) {
      const row = stores.find((store) => store.id === open.to_store_id);
      const where = row?.location as Location | null | undefined;
      if (where && overlap(where, next.location) === "same") {
        await updateStorePlace(db, open.to_store_id, place);
        return { migration: open, storeId: open.to_store_id };
      }
      throw new FeedctlError(
        "conflict",
        `feed "${feed.name}" has an unfinished migration to ${where ? locationName(where) : "its default directory"}`,
        {
          hint: `finish it with the same command, or give it up: feedctl migrate cancel ${feed.name}`,
        },
      );
    }
    const earlier = stores.find(
      (store) =>
        store.role === "previous" &&
        store.location !== null &&
        overlap(store.location as Location, next.location) === "same",
    );
    if (earlier !== undefined) await reuseAsTarget(db, earlier.id, place);
    const storeId =
      earlier?.id ??
      (
        await insertStore(db, {
          feedId: feed.id,
          type: next.type,
          options: next.options,
          location: next.location,
          role: "target",
          now: context.now(),
        })
      ).id;
    const migration = await insertMigration(db, {
      feedId: feed.id,
      from: current.id,
      to: storeId,
      runId: run.id,
      now: context.now(),
    });
    return { migration, storeId };
  });
}

interface Switch {
  feed: FeedRow;
  current: StoreRow;
  next: NewStore;
  migration: MigrationRow;
  storeId: number;
  run: Run;
  total: PassSummary;
  from: Parameters<typeof replaceStore>[2];
}

async function switchStore(
  context: Context,
  catalog: Catalog,
  { feed, current, next, migration, storeId, run, total, from }: Switch,
): Promise<void> {
  const now = context.now();
  await catalog.db.transaction().execute(async (db) => {
    await replaceStore(db, current.id, from, now);
    await makeCurrent(db, storeId);
    await updateStorePlace(db, storeId, { options: next.options, location: next.savedLocation });
    await adoptProofs(db, feed.id, storeId, now);
    await updateMigration(db, migration.id, {
      state: "switched",
      switched_at: now,
      blobs: total.copied + total.verified + total.same,
      bytes: total.bytes,
    });
    await run.audit(db, [
      {
        action: "feed migrated",
        object: feed.name,
        detail: { from: locationName(from.location as Location), to: locationName(next.location) },
      },
    ]);
  });
}

function addPass(total: PassSummary, pass: PassSummary): void {
  for (const name of ["copied", "verified", "failed", "stale", "bytes"] as const) total[name] += pass[name];
  total.same = pass.same;
  total.foreign = pass.foreign;
}

/** Gives up an unfinished migration. What it copied stays in the target, and the feed stays where it is. */
export async function cancelMigration(context: Context, name: string): Promise<{ feed: string; target: string }> {
  const catalog = await context.catalog();
  const feed = await requireLiveFeed(catalog.db, name);
  await using _lock = await lockMigration(catalog, feed);
  const open = await openMigration(catalog.db, feed.id);
  if (open === undefined) throw new FeedctlError("not-found", `feed "${feed.name}" has no unfinished migration`);
  const row = (await storesOfFeed(catalog.db, feed.id)).find((store) => store.id === open.to_store_id);
  await catalog.db.transaction().execute(async (db) => {
    const about = { runId: null, actor: context.actor, feedId: feed.id, now: context.now() };
    await insertAuditEvents(db, about, [{ action: "migration cancelled", object: feed.name }]);
    await updateMigration(db, open.id, { state: "cancelled" });
    if (row?.role === "target")
      await replaceStore(db, row.id, { options: row.options, location: row.location }, context.now());
  });
  return { feed: feed.name, target: row?.location ? locationName(row.location as Location) : "" };
}
