import type { FeedRow } from "../../catalog/feeds.ts";
import { loadFormat } from "../../formats/index.ts";
import { listFilesByIdentity, listVersionFiles } from "../../catalog/files.ts";
import { insertFiles, lockRows } from "../../catalog/packages.ts";
import type { BlobInfo } from "../../stores/store.ts";
import { lookAgain } from "./look-again.ts";
import { adoptOutcome, type AdoptedBlob } from "./outcome.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import type { Target } from "../commit/feed-writer.ts";
import { identityName, versionName } from "../packages/identity-name.ts";
import type { PreparedPackage } from "../import/prepare-package.ts";
import { newFile } from "../import/put-package.ts";

/** A blob that was read as a package. `blob` is the state in which it was read. */
export interface PackageBlob {
  item: PreparedPackage;
  blob: BlobInfo;
}

/**
 * Splits blobs into those to record and the results for the rest. `known`: keys by identity and by version, filled by a
 * dry run, which records no rows. Symbols without their package are not recorded.
 */
export async function chooseBlobs(
  context: Context,
  { id: feedId, type }: Pick<FeedRow, "id" | "type">,
  blobs: readonly PackageBlob[],
  known = new Map<string, string>(),
): Promise<{ wanted: PackageBlob[]; results: AdoptedBlob[] }> {
  const { db } = await context.catalog();
  const isCompanion = await companionsOf(type);
  const companions = blobs.filter(isCompanion);
  const owners = await listVersionFiles(
    db,
    feedId,
    companions.map(({ item }) => item.identity),
  );
  const rows = await listFilesByIdentity(
    db,
    feedId,
    blobs.map(({ item }) => ({ ...item.identity, key: item.key })),
  );
  const keys = new Set(rows.map(({ key }) => key));
  const places = new Map([...known, ...rows.map((row) => [identityName(row), row.key] as const)]);
  const wanted: PackageBlob[] = [];
  const results: AdoptedBlob[] = [];
  for (const each of [...blobs.filter((blob) => !isCompanion(blob)), ...companions]) {
    const version = versionName(each.item.identity);
    const name = identityName(each.item.identity);
    const place = places.get(name);
    if (keys.has(each.item.key)) results.push(adoptOutcome(each.item, "existing"));
    else if (place !== undefined)
      results.push(adoptOutcome(each.item, "conflict", `the feed has this package at ${place}`));
    else if (isCompanion(each) && !owners.has(version) && !known.has(version))
      results.push(adoptOutcome(each.item, "failed", "the feed does not have the package that it belongs to"));
    else {
      places.set(name, each.item.key);
      known.set(name, each.item.key).set(version, each.item.key);
      wanted.push(each);
    }
  }
  return { wanted, results };
}

async function companionsOf(type: FeedRow["type"]): Promise<(blob: PackageBlob) => boolean> {
  const format = type === "asset" ? undefined : await loadFormat(type);
  return ({ item }) => format?.isCompanion?.(item.identity.qualifier) === true;
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
  const { wanted, results } = await chooseBlobs(context, feed, blobs);
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
