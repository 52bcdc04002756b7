import { setTimeout as sleep } from "node:timers/promises";
import type { Catalog, CatalogLock } from "../../catalog/connection/catalog.ts";
import { findMigration, updateMigration, type MigrationRow } from "../../catalog/migration/feed-migrations.ts";
import { updatePass } from "../../catalog/migration/progress.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { MigrationRequest } from "../../catalog/schema/core.ts";
import type { Store } from "../../stores/store.ts";
import type { Ends } from "./begin.ts";
import type { Context } from "../context.ts";
import type { PassSummary } from "./pass-log.ts";
import type { Run } from "../commit/recorded-run.ts";

/** One process at work on one migration. */
export interface Session {
  /** Its signal also ends when somebody asks for a pause. */
  context: Context;
  catalog: Catalog;
  feed: FeedRow;
  ends: Ends;
  migration: MigrationRow;
  run: Run;
  source: Store;
  target: Store;
}

/** Tells everybody how far the migration is, and listens to what they ask. */
export interface Watch extends AsyncDisposable {
  /** Aborted when a pause or the end is asked for. */
  readonly signal: AbortSignal;
  /** What was asked for so far. */
  readonly asked: MigrationRequest | undefined;
  /** Who asked. */
  readonly by: string | undefined;
  /** Why the signal was aborted, if nobody asked: the lock is lost, and another process may have begun. */
  readonly broken: Error | undefined;
  /** From now on these counts are told. */
  follow(pass: number, counts: () => PassSummary): void;
  /** Requests no longer stop anything: the feed is frozen, and the rest is short. */
  ignoreRequests(): void;
}

const INTERVAL = 2000;

export function watchMigration(context: Context, catalog: Catalog, migrationId: number, lock: CatalogLock): Watch {
  const stop = new AbortController();
  const end = new AbortController();
  let asked: MigrationRequest | undefined;
  let by: string | undefined;
  let deaf = false;
  let broken: Error | undefined;
  let pass: { number: number; counts: () => PassSummary } | undefined;

  async function look(): Promise<void> {
    await lock.assertHeld().catch((error: Error) => {
      broken = error;
      stop.abort();
    });
    const now = context.now();
    await updateMigration(catalog.db, migrationId, { updated_at: now });
    if (pass !== undefined)
      await updatePass(catalog.db, { migrationId, number: pass.number }, passCounts(pass.counts()), { now });
    const row = await findMigration(catalog.db, migrationId);
    if (row === undefined || row.request === null || deaf) return;
    asked = row.request;
    by = row.requested_by ?? undefined;
    if (asked !== "cutover") stop.abort();
  }

  const watching = (async () => {
    while (!end.signal.aborted) {
      await sleep(INTERVAL, undefined, { signal: end.signal, ref: false }).catch(() => {});
      // whoever works finds out by itself when the catalog is gone
      if (!end.signal.aborted) await look().catch(() => {});
    }
  })();

  return {
    signal: stop.signal,
    get asked() {
      return asked;
    },
    get by() {
      return by;
    },
    get broken() {
      return broken;
    },
    follow(number, counts) {
      pass = { number, counts };
    },
    ignoreRequests() {
      deaf = true;
    },
    async [Symbol.asyncDispose]() {
      end.abort();
      await watching;
    },
  };
}

export function passCounts({ copied, verified, same, failed, stale, foreign, bytes }: PassSummary) {
  return { copied, verified, same, failed, stale, foreign_blobs: foreign, bytes };
}
