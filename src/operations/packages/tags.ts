import { findNewestRelease, listDistTags, removeDistTag, setDistTag, type DistTag } from "../../catalog/dist-tags.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { npmRange } from "../../versions/semver.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { lockLiveFeed, requireFeed } from "../feed-store/find-feed.ts";
import { requireVersionsOf, packageTitle, parsePackageSpec, versionTitle } from "./packages.ts";

export type { DistTag } from "../../catalog/dist-tags.ts";

const LATEST = "latest";

/** The tags of an npm package, by name. `latest` is always there. */
export async function listTags(context: Context, feedName: string, text: string): Promise<DistTag[]> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, feedName);
  const { packageId } = await requirePackage(db, feed, text);
  return tagsOf(db, packageId);
}

export interface TagChange {
  feed: string;
  package: string;
  tag: string;
  /** The version that the tag names now; null: none. */
  version: string | null;
  /** The version that it named before; null: none. */
  before: string | null;
}

/** Sets a tag to a version. Throws `usage` without a version, and for a tag that npm would read as a range. */
export async function setTag(context: Context, feedName: string, text: string, tag: string): Promise<TagChange> {
  checkTag(tag);
  const { db } = await context.catalog();
  return commit(db, [], async (transaction) => {
    const feed = await lockLiveFeed(transaction, feedName);
    const { packageId, title, version } = await requirePackage(transaction, feed, text);
    if (version === undefined)
      throw new FeedctlError("usage", `which version of ${title}?`, { hint: `${text}@VERSION` });
    const before = await versionOf(transaction, packageId, tag);
    await setDistTag(
      transaction,
      { packageId, tag, versionId: version.id },
      { actor: context.actor, now: context.now() },
    );
    const change = { feed: feed.name, package: title, tag, version: version.version, before };
    await audit(context, transaction, feed, { action: "tagged", object: versionTitle(version), detail: { ...change } });
    return change;
  });
}

/** Removes a tag. `latest` follows the newest release again. Throws `not-found` when nobody set it. */
export async function removeTag(context: Context, feedName: string, text: string, tag: string): Promise<TagChange> {
  const { db } = await context.catalog();
  return commit(db, [], async (transaction) => {
    const feed = await lockLiveFeed(transaction, feedName);
    const { packageId, title } = await requirePackage(transaction, feed, text);
    const before = await versionOf(transaction, packageId, tag);
    if (!(await removeDistTag(transaction, packageId, tag)))
      throw new FeedctlError("not-found", `nobody has set the tag "${tag}" of ${title}`, {
        hint: `see: feedctl package tag list ${feed.name} ${title}`,
      });
    const version = await versionOf(transaction, packageId, tag);
    const change = { feed: feed.name, package: title, tag, version, before };
    await audit(context, transaction, feed, { action: "untagged", object: title, detail: { ...change } });
    return change;
  });
}

async function requirePackage(db: Db, feed: FeedRow, text: string) {
  if (feed.type !== "npm")
    throw new FeedctlError("usage", `feed "${feed.name}" is of type ${feed.type}: only npm packages have tags`);
  const spec = parsePackageSpec(text);
  const versions = await requireVersionsOf(db, feed, spec);
  const first = versions[0];
  if (first === undefined) throw new Error("a found package has no version");
  return {
    packageId: first.packageId,
    title: packageTitle(first),
    version: spec.version === undefined ? undefined : first,
  };
}

async function tagsOf(db: Db, packageId: number): Promise<DistTag[]> {
  const tags = await listDistTags(db, packageId);
  if (tags.some(({ tag }) => tag === LATEST)) return tags;
  const version = await findNewestRelease(db, packageId);
  return version === undefined ? tags : [{ tag: LATEST, version, setAt: null, setBy: null }, ...tags];
}

async function versionOf(db: Db, packageId: number, tag: string): Promise<string | null> {
  return (await tagsOf(db, packageId)).find((each) => each.tag === tag)?.version ?? null;
}

function checkTag(tag: string): void {
  const isName = /^[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}$/.test(tag);
  if (isName && !isRange(tag)) return;
  throw new FeedctlError("usage", `"${tag}" is not a name of a tag`, {
    hint: "letters, digits, dots, hyphens and underscores; no version and no range of versions",
  });
}

function isRange(text: string): boolean {
  try {
    npmRange.parse(text);
    return true;
  } catch (error) {
    if (!isFeedctlError(error)) throw error;
    return false;
  }
}

async function audit(
  context: Context,
  db: Db,
  feed: FeedRow,
  event: { action: string; object: string; detail: Record<string, unknown> },
): Promise<void> {
  await insertAuditEvents(db, { runId: null, actor: context.actor, feedId: feed.id, now: context.now() }, [event]);
}
