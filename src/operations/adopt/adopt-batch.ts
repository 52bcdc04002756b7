import { listFilesByIdentity } from "../../catalog/files.ts";
import { insertFiles, lockRows } from "../../catalog/packages.ts";
import type { BlobInfo } from "../../stores/store.ts";
import { lookAgain } from "./look-again.ts";
import { adoptOutcome, type AdoptedBlob } from "./outcome.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import type { Target } from "../commit/feed-writer.ts";
import { identityName } from "../packages/identity-name.ts";
import type { PreparedPackage } from "../import/prepare-package.ts";
import { newFile } from "../import/put-package.ts";

/** A blob that was read as a package. `blob` is the state in which it was read. */
export interface PackageBlob {
  item: PreparedPackage;
  blob: BlobInfo;
}

/**
 * Splits blobs into those to record and the results for the rest. `known`: keys by identity, filled by a dry run, which
 * records no rows.
 */
export async function chooseBlobs(
  context: Context,
  feedId: number,
  blobs: readonly PackageBlob[],
  known = new Map<string, string>(),
): Promise<{ wanted: PackageBlob[]; results: AdoptedBlob[] }> {
  const { db } = await context.catalog();
  const rows = await listFilesByIdentity(
    db,
    feedId,
    blobs.map(({ item }) => ({ ...item.identity, key: item.key })),
  );
  const keys = new Set(rows.map(({ key }) => key));
  const places = new Map([...known, ...rows.map((row) => [identityName(row), row.key] as const)]);
  const wanted: PackageBlob[] = [];
  const results: AdoptedBlob[] = [];
  for (const each of blobs) {
    const name = identityName(each.item.identity);
    const place = places.get(name);
    if (keys.has(each.item.key)) results.push(adoptOutcome(each.item, "existing"));
    else if (place !== undefined)
      results.push(adoptOutcome(each.item, "conflict", `the feed has this package at ${place}`));
    else {
      places.set(name, each.item.key);
      known.set(name, each.item.key);
      wanted.push(each);
    }
  }
  return { wanted, results };
}

/**
 * Records blobs under their own keys. The caller must hold the feed's exclusive write lock: only then does a blob that
 * exists, and that has no pending delete, stay.
 */
export async function adoptBatch(
  context: Context,
  target: Target,
  blobs: readonly PackageBlob[],
  publishedFrom: "file" | "now" | undefined,
): Promise<AdoptedBlob[]> {
  const { db } = await context.catalog();
  const { feed, run } = target;
  const { wanted, results } = await chooseBlobs(context, feed.id, blobs);
  const still: { item: PreparedPackage; now: BlobInfo }[] = [];
  for (const look of await lookAgain(context, target, wanted)) {
    const { item } = look.each;
    if ("now" in look) still.push({ item, now: look.now });
    else results.push(adoptOutcome(item, look.status, look.reason));
  }
  const published = { at: context.now(), by: context.actor };
  const files = still.map(({ item, now }) =>
    newFile({ ...item, publishedAt: publishedFrom === "file" ? now.modified : undefined }, now.tag ?? null),
  );
  await commit(db, [target], async (transaction) => {
    await lockRows(transaction, feed.id, "shared");
    await insertFiles(transaction, feed.id, files, published);
    await run.audit(
      transaction,
      files.map(({ key, sha256, size }) => ({ action: "adopted", object: key, detail: { sha256, size } })),
    );
  });
  return [...results, ...still.map(({ item }) => adoptOutcome(item, "adopted"))];
}
