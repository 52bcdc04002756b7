import type { Catalog, CatalogLock } from "../../catalog/connection/catalog.ts";
import { findOpenMigration } from "../../catalog/migration/feed-migrations.ts";
import { findRunningMigration } from "../../catalog/runs.ts";
import { FeedctlError } from "../../errors.ts";
import type { Context } from "../context.ts";
import type { Holder } from "./commit.ts";

/** Acquires a feed's write lock exclusively. Throws `locked`, with the hint, when other runs write past `lockWait`. */
export async function lockWrites(
  context: Context,
  catalog: Catalog,
  feed: { id: number; name: string },
  hint: string,
): Promise<CatalogLock> {
  const lock = await catalog.lock({
    kind: "write",
    id: feed.id,
    mode: "exclusive",
    wait: context.lockWait,
    signal: context.signal,
    onWait: () => context.notice(`waiting until imports into feed "${feed.name}" pause`),
  });
  if (lock !== undefined) return lock;
  throw new FeedctlError("locked", `feed "${feed.name}" is being written to`, { hint });
}

/**
 * Locks a feed against imports, deletions and migrations, before it is deleted or gets another store. Throws `locked`
 * when one of them is running, and `conflict` when a migration is unfinished: its copies would be orphaned.
 */
export async function lockWholeFeed(
  context: Context,
  catalog: Catalog,
  feed: { id: number; name: string },
): Promise<Holder & AsyncDisposable> {
  const migrate = await catalog.lock({ kind: "migrate", id: feed.id, mode: "exclusive" });
  if (migrate === undefined)
    throw new FeedctlError("locked", `feed "${feed.name}" is being migrated`, { hint: "wait until it is done" });
  let write;
  try {
    write = await lockWrites(context, catalog, feed, "try again when the import is over");
  } catch (error) {
    await migrate[Symbol.asyncDispose]();
    throw error;
  }
  const both = {
    proofs: [...migrate.proofs, ...write.proofs],
    async [Symbol.asyncDispose]() {
      await write[Symbol.asyncDispose]();
      await migrate[Symbol.asyncDispose]();
    },
  };
  if ((await findOpenMigration(catalog.db, feed.id)) === undefined) return both;
  await both[Symbol.asyncDispose]();
  throw new FeedctlError("conflict", `feed "${feed.name}" is in the middle of a migration`, {
    hint: `finish it, or give it up: feedctl migrate cancel ${feed.name}`,
  });
}

/** As `lockWholeFeed`, for several feeds, or none. */
export async function lockWholeFeeds(
  context: Context,
  catalog: Catalog,
  feeds: readonly { id: number; name: string }[],
): Promise<Holder & AsyncDisposable> {
  const locks: (Holder & AsyncDisposable)[] = [];
  const all = {
    get proofs() {
      return locks.flatMap(({ proofs }) => proofs);
    },
    async [Symbol.asyncDispose]() {
      for (const lock of locks) await lock[Symbol.asyncDispose]();
    },
  };
  try {
    for (const feed of feeds) locks.push(await lockWholeFeed(context, catalog, feed));
    return all;
  } catch (error) {
    await all[Symbol.asyncDispose]();
    throw error;
  }
}

/** Locks a feed for one migration. Throws `locked`, and names the other run, when one is running. */
export async function lockMigration(catalog: Catalog, feed: { id: number; name: string }) {
  const lock = await catalog.lock({ kind: "migrate", id: feed.id, mode: "exclusive" });
  if (lock !== undefined) return lock;
  const running = await findRunningMigration(catalog.db, feed.id);
  const who = running === undefined ? "another run" : `run ${running.id} of ${running.actor} on ${running.host}`;
  throw new FeedctlError("locked", `feed "${feed.name}" is being migrated by ${who}`, {
    hint: `see: feedctl migrate status ${feed.name}`,
  });
}

/** The error to throw when a feed's write lock could not be acquired, with the reason. */
export async function whyLocked(catalog: Catalog, feed: { id: number; name: string }): Promise<FeedctlError> {
  const open = await findOpenMigration(catalog.db, feed.id);
  if (open?.state === "switching")
    return new FeedctlError("locked", `feed "${feed.name}" is frozen: migration ${open.id} is switching its store`, {
      hint: "try again in a moment; see: feedctl migrate status",
    });
  return new FeedctlError("locked", `feed "${feed.name}" is frozen by another run`, {
    hint: "try again later",
  });
}
