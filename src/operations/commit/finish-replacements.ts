import { replaceAssets } from "../../catalog/assets/assets.ts";
import { listFileHashes } from "../../catalog/files.ts";
import { replaceFiles } from "../../catalog/packages.ts";
import type { HeldIntent } from "../../catalog/pending.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import type { Key } from "../../lib/key.ts";
import type { Store } from "../../stores/store.ts";
import { commit, type Holder } from "./commit.ts";
import type { Context } from "../context.ts";
import { tryContentHash } from "./content-hash.ts";
import type { Run } from "./recorded-run.ts";

/**
 * Finishes overwrites that a dead run announced, and whose announcements this run holds now. Where the store holds the
 * new bytes, the row is updated to them; else the row still describes the old ones and stays. `unread`: blobs that could
 * not be read, so that nobody knows which bytes they hold.
 */
export async function finishReplacements(
  context: Context,
  db: Db,
  { feedId, store, run, holder }: { feedId: number; store: Store; run: Run; holder: Holder },
  intents: readonly HeldIntent[],
): Promise<{ updated: Key[]; unread: Key[] }> {
  const rows = await listFileHashes(
    db,
    feedId,
    intents.map(({ key }) => key),
  );
  const updated: Key[] = [];
  const unread: Key[] = [];
  for (const { key, sha256, replacement } of intents) {
    const row = rows.get(key);
    if (replacement === null || replacement === undefined || row === undefined || row.sha256 === sha256) continue;
    const hash = await tryContentHash(store, key, context.signal);
    if (hash instanceof FeedctlError) unread.push(key);
    if (hash !== sha256) continue;
    const tag = (await store.head(key, { signal: context.signal }))?.tag ?? null;
    const published = { at: context.now(), by: context.actor };
    await commit(db, [holder], async (transaction) => {
      if ("asset" in replacement)
        await replaceAssets(transaction, feedId, [{ ...replacement, key, storeTag: tag }], context.now());
      else await replaceFiles(transaction, feedId, [{ ...replacement, key, storeTag: tag }], published);
      const detail = { sha256, size: replacement.size, finished: true };
      await run.audit(transaction, [{ action: "overwritten", object: key, detail }]);
    });
    updated.push(key);
  }
  return { updated, unread };
}
