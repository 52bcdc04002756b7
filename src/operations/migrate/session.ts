import { setTimeout as sleep } from "node:timers/promises";
import type { Catalog, CatalogLock } from "../../catalog/connection/catalog.ts";
import { findMigration, updateMigration, type MigrationRow } from "../../catalog/migration/feed-migrations.ts";
import { updatePass } from "../../catalog/migration/progress.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { MigrationRequest } from "../../catalog/schema/migration.ts";
import type { Store } from "../../stores/store.ts";
import type { Ends } from "./begin.ts";
import { commit, type Holder } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import type { PassSummary } from "./pass-log.ts";
import type { Run } from "../commit/recorded-run.ts";

/** The state of a process that runs a migration. */
export interface Session {
  /** Its signal is also aborted when a pause or a cancellation is requested. */
  context: Context;
  catalog: Catalog;
  feed: FeedRow;
  ends: Ends;
  migration: MigrationRow;
  /** As in `wasCurrentStore`, of the target. */
  ownTarget: boolean;
  run: Run;
  /** The migration's lock and the run's. */
  holders: readonly Holder[];
  source: Store;
  target: Store;
}

/** Saves the progress of a migration at intervals, and polls for requests of other processes. */
export interface Watch extends AsyncDisposable {
  /** Aborted when a pause or a cancellation is requested, or the lock is lost. */
  readonly signal: AbortSignal;
  /** The last request. */
  readonly request: MigrationRequest | undefined;
  /** Who made it: `user on host`. */
  readonly requestedBy: string | undefined;
  /** Set when the migration's lock was lost: another process may run the migration. */
  readonly lockError: Error | undefined;
  /** Saves these counts as the progress of the pass from now on. */
  follow(pass: number, counts: () => PassSummary): void;
  /** Ignores further requests: a cut-over is short and must not be interrupted. */
  ignoreRequests(): void;
}

/** Milliseconds between two polls. */
const INTERVAL = 2000;

export function watchMigration(context: Context, catalog: Catalog, migrationId: number, lock: CatalogLock): Watch {
  const stop = new AbortController();
  const end = new AbortController();
  let request: MigrationRequest | undefined;
  let requestedBy: string | undefined;
  let ignoring = false;
  let lockError: Error | undefined;
  let pass: { number: number; counts: () => PassSummary } | undefined;

  async function poll(): Promise<void> {
    await lock.assertHeld().catch((error: Error) => {
      lockError = error;
      stop.abort();
    });
    const now = context.now();
    await commit(catalog.db, [lock], async (db) => {
      await updateMigration(db, migrationId, { updated_at: now });
      if (pass !== undefined)
        await updatePass(db, { migrationId, number: pass.number }, passCounts(pass.counts()), { now });
    });
    const row = await findMigration(catalog.db, migrationId);
    if (row === undefined || row.request === null || ignoring) return;
    request = row.request;
    requestedBy = row.requested_by ?? undefined;
    if (request !== "cutover") stop.abort();
  }

  const watching = (async () => {
    while (!end.signal.aborted) {
      await sleep(INTERVAL, undefined, { signal: end.signal, ref: false }).catch(() => {});
      // an outage of the catalog fails the pass itself
      if (!end.signal.aborted) await poll().catch(() => {});
    }
  })();

  return {
    signal: stop.signal,
    get request() {
      return request;
    },
    get requestedBy() {
      return requestedBy;
    },
    get lockError() {
      return lockError;
    },
    follow(number, counts) {
      pass = { number, counts };
    },
    ignoreRequests() {
      ignoring = true;
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
