import { listFeeds, type FeedRow } from "../../catalog/feeds.ts";
import { listMigrations, listStoresToRetire, type MigrationRow } from "../../catalog/migration/feed-migrations.ts";
import { listFailures, listPasses, type Failure, type PassRow } from "../../catalog/migration/progress.ts";
import { rangeTotals } from "../../catalog/migration/ranges.ts";
import type { MigrationPlan, MigrationRequest, MigrationState } from "../../catalog/schema/migration.ts";
import { listStoresOfFeed, type StoreRow } from "../../catalog/stores.ts";
import type { Context } from "../context.ts";
import { placeOf } from "../feed-store/store-place.ts";
import { requireFeed } from "../feed-store/find-feed.ts";
import { deadRuns } from "../commit/recorded-run.ts";

export interface Migration {
  id: number;
  feed: string;
  from: string;
  to: string;
  state: MigrationState;
  /** Id of the migration that it rolled back. */
  reverses: number | null;
  startedAt: Date;
  switchedAt: Date | null;
  finishedAt: Date | null;
  blobs: number;
  bytes: number;
  frozenMilliseconds: number | null;
}

export interface MigrationPass {
  number: number;
  kind: PassRow["kind"];
  startedAt: Date;
  finishedAt: Date | null;
  expected: number;
  copied: number;
  verified: number;
  same: number;
  failed: number;
  bytes: number;
}

export interface MigrationStatus extends Migration {
  /** Whether a process runs it now. */
  running: boolean;
  /** Why the last run ended before it was done; null while one runs, and when none ended early. */
  problem: string | null;
  /** Earlier stores that still hold files of the feed, until they are retired. */
  toRetire: string[];
  plan: MigrationPlan;
  request: MigrationRequest | null;
  passes: MigrationPass[];
  /** Progress of a first pass that is divided among workers. `failed` counts blobs. */
  ranges: { ranges: number; finished: number; failed: number } | null;
  /** Rates of the current pass; null when none is running. */
  blobsPerSecond: number | null;
  bytesPerSecond: number | null;
  /** Estimated time until the end of the current pass. */
  remainingSeconds: number | null;
  /** Failures of the newest pass, at most 20. */
  failures: Failure[];
  updatedAt: Date | null;
}

/** Lists all migrations of a feed, newest first. */
export async function migrationHistory(context: Context, name: string): Promise<Migration[]> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, name);
  const stores = await listStoresOfFeed(db, feed.id);
  return (await listMigrations(db, feed.id)).map((row) => migrationOf(feed, stores, row));
}

/** The newest migration of a feed; without a name, the open migrations of all feeds. */
export async function migrationStatus(context: Context, name?: string): Promise<MigrationStatus[]> {
  const { db } = await context.catalog();
  if (name !== undefined) {
    const feed = await requireFeed(db, name);
    const [newest] = await listMigrations(db, feed.id);
    return newest === undefined ? [] : [await statusOf(context, feed, newest)];
  }
  const feeds = new Map((await listFeeds(db)).map((feed) => [feed.id, feed]));
  const all = [];
  for (const row of await listMigrations(db, undefined, true)) {
    const feed = feeds.get(row.feed_id);
    if (feed !== undefined) all.push(await statusOf(context, feed, row));
  }
  return all;
}

async function statusOf(context: Context, feed: FeedRow, row: MigrationRow): Promise<MigrationStatus> {
  const catalog = await context.catalog();
  const { db } = catalog;
  const open = row.finished_at === null && row.state !== "paused";
  // only one process at a time opens the embedded catalog, and that is this one
  const running = open && catalog.kind === "postgres" && (await deadRuns(catalog, [row.run_id], 0)).length === 0;
  const passes = (await listPasses(db, row.id)).map(passOf);
  const { ranges, finished, ...counts } = await rangeTotals(db, row.id);
  return {
    ...migrationOf(feed, await listStoresOfFeed(db, feed.id), row),
    running,
    problem: running || row.finished_at !== null ? null : row.problem,
    toRetire: (await listStoresToRetire(db, feed.id)).filter(({ role }) => role === "previous").map(placeOf),
    plan: row.plan,
    request: row.request,
    passes,
    ranges: ranges === 0 ? null : { ranges, finished, failed: counts.failed },
    ...(running
      ? pace(passes.at(-1), row.updated_at)
      : { blobsPerSecond: null, bytesPerSecond: null, remainingSeconds: null }),
    failures: await listFailures(db, row.id, 20),
    updatedAt: row.updated_at,
  };
}

function pace(pass: MigrationPass | undefined, now: Date | null) {
  const seconds = pass === undefined || now === null ? 0 : (now.getTime() - pass.startedAt.getTime()) / 1000;
  if (pass === undefined || pass.finishedAt !== null || seconds <= 0)
    return { blobsPerSecond: null, bytesPerSecond: null, remainingSeconds: null };
  const done = pass.copied + pass.verified + pass.same + pass.failed;
  const blobsPerSecond = done / seconds;
  const left = Math.max(0, pass.expected - done);
  return {
    blobsPerSecond,
    bytesPerSecond: pass.bytes / seconds,
    remainingSeconds: blobsPerSecond > 0 ? Math.ceil(left / blobsPerSecond) : null,
  };
}

function migrationOf(feed: FeedRow, stores: readonly StoreRow[], row: MigrationRow): Migration {
  const place = (id: number) => {
    const store = stores.find((each) => each.id === id);
    return store === undefined ? "" : placeOf(store);
  };
  return {
    id: row.id,
    feed: feed.name,
    from: place(row.from_store_id),
    to: place(row.to_store_id),
    state: row.state,
    reverses: row.reverses,
    startedAt: row.started_at,
    switchedAt: row.switched_at,
    finishedAt: row.finished_at,
    blobs: row.blobs,
    bytes: row.bytes,
    frozenMilliseconds: row.frozen_milliseconds,
  };
}

function passOf(row: PassRow): MigrationPass {
  return {
    number: row.number,
    kind: row.kind,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    expected: row.expected_blobs,
    copied: row.copied,
    verified: row.verified,
    same: row.same,
    failed: row.failed,
    bytes: row.bytes,
  };
}
