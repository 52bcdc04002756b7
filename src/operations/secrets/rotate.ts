import { lockStoresAfter } from "../../catalog/store-seals.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { SealingSecret } from "../../lib/bytes/seal.ts";
import { commit } from "../commit/commit.ts";
import { startRun } from "../commit/recorded-run.ts";
import type { Context } from "../context.ts";
import { needsSeal, proveStore, sealAnew } from "../feed-store/store-seal.ts";

export interface Rotation {
  /** Stores that were sealed anew. */
  sealed: number;
  /** Stores that have their seal from the current key already. With an earlier key only: an interrupted run sealed them. */
  current: number;
  /** Stores that neither key opens, or that feedctl did not save. */
  failed: { store: number; feed: string; reason: string }[];
}

/** How many stores one transaction seals. */
const BATCH = 100;

/**
 * Seals every store that has credentials anew with the current key: stores of feeds, targets of migrations, and earlier
 * stores. `earlier` is the key before the change. Each batch is committed, so that an interrupted run continues.
 */
export async function rotateSecrets(context: Context, earlier?: SealingSecret): Promise<Rotation> {
  const catalog = await context.catalog();
  const current = await context.sealingSecret(true);
  if (current === undefined)
    throw new FeedctlError("usage", "there is no key to seal with", { hint: "set FEEDCTL_KEY" });
  const rotation: Rotation = { sealed: 0, current: 0, failed: [] };
  await using run = await startRun(context, "secrets rotate", null);
  let last = 0;
  let more = true;
  while (more) {
    context.signal.throwIfAborted();
    await commit(catalog.db, [run], async (db) => {
      const rows = await lockStoresAfter(db, last, BATCH);
      const names: string[] = [];
      for (const { feed_name: name, ...row } of rows) {
        if (!needsSeal(row.type, row.options)) continue;
        const feed = name ?? `#${row.feed_id} (deleted)`;
        const outcome = await rotateStore(context, db, row, { current, earlier });
        if (outcome === "sealed") names.push(feed);
        if (typeof outcome === "object") rotation.failed.push({ store: row.id, feed, reason: outcome.reason });
        else rotation[outcome]++;
      }
      await run.audit(
        db,
        names.map((object) => ({ action: "secrets rotated", object })),
      );
      last = rows.at(-1)?.id ?? last;
      more = rows.length === BATCH;
    });
  }
  await run.finish(rotation);
  return rotation;
}

type Row = Parameters<typeof sealAnew>[2];

async function rotateStore(
  context: Context,
  db: Db,
  row: Row,
  { current, earlier }: { current: SealingSecret; earlier: SealingSecret | undefined },
): Promise<"sealed" | "current" | { reason: string }> {
  try {
    if (earlier !== undefined && row.seal !== null && (await isProvenBy(context, db, row, current))) return "current";
    const keys = earlier === undefined ? [current] : [earlier, current];
    await proveStore(context, db, row, keys);
    await sealAnew(context, db, row, keys);
    return "sealed";
  } catch (error) {
    if (!isFeedctlError(error, "denied", "refused")) throw error;
    return { reason: error.message };
  }
}

async function isProvenBy(context: Context, db: Db, row: Row, key: SealingSecret): Promise<boolean> {
  try {
    await proveStore(context, db, row, [key]);
    return true;
  } catch (error) {
    if (!isFeedctlError(error, "denied")) throw error;
    return false;
  }
}
