import { setTimeout as sleep } from "node:timers/promises";
import {
  findMigration,
  findOpenMigration,
  setMigrationRequest,
  updateMigration,
  type MigrationRow,
} from "../../catalog/migration/feed-migrations.ts";
import type { Catalog, CatalogLock } from "../../catalog/connection/catalog.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { MigrationRequest } from "../../catalog/schema/migration.ts";
import { FeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { requireLiveFeed } from "../feed-store/find-feed.ts";
import type { MigrateEvent } from "./events.ts";
import { migrateFeed, type MigrateInput } from "./migrate-feed.ts";
import { migrationStatus } from "./status.ts";

export interface RequestResult {
  feed: string;
  migration: number;
  /**
   * `asked`: the process that runs the migration obeys within seconds. `done`: no process runs it; it is paused now.
   */
  outcome: "asked" | "done";
}

export async function requireOpenMigration(catalog: Catalog, feed: FeedRow): Promise<MigrationRow> {
  const open = await findOpenMigration(catalog.db, feed.id);
  if (open !== undefined) return open;
  throw new FeedctlError("not-found", `feed "${feed.name}" has no unfinished migration`, {
    hint: `see: feedctl migrate history ${feed.name}`,
  });
}

/** Pauses a migration. Its copies are kept, and `resume` continues it, on any machine. */
export async function pauseMigration(context: Context, name: string): Promise<RequestResult> {
  const catalog = await context.catalog();
  const feed = await requireLiveFeed(catalog.db, name);
  const migration = await requireOpenMigration(catalog, feed);
  await using lock = await catalog.lock({ kind: "migrate", id: feed.id, mode: "exclusive" });
  if (lock === undefined) return await sendRequest(context, feed, migration, "pause");
  // the process that held the lock may have ended the migration since
  await requireOpenMigration(catalog, feed);
  await commit(catalog.db, [lock], (db) => updateMigration(db, migration.id, { state: "paused", request: null }));
  return { feed: feed.name, migration: migration.id, outcome: "done" };
}

/**
 * Leaves a request for the process that runs the migration, which polls every two seconds. Throws `conflict` when it
 * ended.
 */
export async function sendRequest(
  context: Context,
  feed: FeedRow,
  migration: MigrationRow,
  request: MigrationRequest,
): Promise<RequestResult> {
  const catalog = await context.catalog();
  const by = `${context.actor} on ${context.host}`;
  if (!(await setMigrationRequest(catalog.db, migration.id, request, by)))
    throw new FeedctlError("conflict", `the migration of feed "${feed.name}" has ended meanwhile`);
  return { feed: feed.name, migration: migration.id, outcome: "asked" };
}

/** Milliseconds between polls of the migration's state. */
const POLL = 500;

/**
 * Switches a migrated feed to its new store. When another process runs the migration, it is asked to cut over, and this
 * one waits for the result.
 */
export async function* cutOverMigration(context: Context, name: string): AsyncGenerator<MigrateEvent> {
  const catalog = await context.catalog();
  const feed = await requireLiveFeed(catalog.db, name);
  const migration = await requireOpenMigration(catalog, feed);
  const resume: MigrateInput = { feed: name, goal: "resume", cutover: "auto" };
  // of two processes that find the migration idle, one gets the lock and the other sends it a request
  const idle = await tryLock();
  if (idle !== undefined) return yield* migrateFeed(context, resume, idle);
  await sendRequest(context, feed, migration, "cutover");
  context.notice(`the process that migrates feed "${feed.name}" was asked to cut over`);
  for (;;) {
    await sleep(POLL, undefined, { signal: context.signal });
    await using lock = await tryLock(); // before reading the row, or the process might end in between
    const row = await findMigration(catalog.db, migration.id);
    if (row === undefined || row.state === "paused") break;
    if (row.finished_at === null) {
      if (lock === undefined) continue;
      // the process ended before it read the request
      return yield* migrateFeed(context, resume, lock);
    }
    if (row.state !== "switched") break;
    const [switched] = await migrationStatus(context, name);
    if (switched === undefined) break;
    const { copied = 0, verified = 0, same = 0, failed = 0, bytes = 0 } = switched.passes.at(-1) ?? {};
    return yield {
      type: "summary",
      feed: feed.name,
      migration: row.id,
      from: switched.from,
      to: switched.to,
      outcome: "switched",
      copied,
      verified,
      same,
      failed,
      bytes,
      stale: 0,
      foreign: 0,
      passes: switched.passes.length,
      frozenMilliseconds: row.frozen_milliseconds ?? 0,
    };
  }
  throw new FeedctlError("partial", `the migration of feed "${feed.name}" ended without a cut-over`, {
    hint: `see: feedctl migrate status ${feed.name}`,
  });

  async function tryLock(): Promise<CatalogLock | undefined> {
    return catalog.lock({ kind: "migrate", id: feed.id, mode: "exclusive" });
  }
}
