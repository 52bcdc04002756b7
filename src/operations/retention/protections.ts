import {
  addProtection,
  countProtected,
  listProtections,
  removeProtection,
  type NewProtection,
} from "../../catalog/retention/rules.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { FeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { requireFeed, lockLiveFeed } from "../feed-store/find-feed.ts";
import { protectionName } from "./protection-name.ts";
import { packagePattern } from "./terms.ts";

export interface Protection {
  package: string;
  /** A pattern; `*` for every version. */
  version: string;
  reason: string | null;
  createdAt: Date;
  createdBy: string;
}

/**
 * Parses `[group/]name[@version]`, or a path for asset directories. `*` matches any text; an npm scope may keep its
 * `@`. Throws `usage`.
 */
export function parseProtection(feedType: string, text: string): Pick<NewProtection, "package" | "version"> {
  const isAsset = feedType === "asset";
  const at = isAsset ? -1 : text.lastIndexOf("@");
  const [name, version] = at > 0 ? [text.slice(0, at), text.slice(at + 1)] : [text, "*"];
  const pattern = packagePattern(feedType, name.trim());
  if (pattern === "" || version.trim() === "")
    throw new FeedctlError("usage", `"${text}" names no ${isAsset ? "file" : "package"}`, {
      hint: isAsset
        ? 'give a path; * matches any text, as in "docs/*"'
        : 'give [group/]name[@version]; * matches any text, as in "acme/*@1.*"',
    });
  return { package: pattern, version: version.trim() };
}

export interface ProtectionChange {
  feed: string;
  package: string;
  version: string;
  /** Package and version in the form that `package protect` accepts. */
  pattern: string;
  /** False when the same protection already existed. */
  changed: boolean;
  /** How many versions, or files of an asset directory, match now; absent when a protection is removed. */
  versions?: number | undefined;
}

/** Protects matching versions from all rules: those that exist now and those imported later. */
export async function protectPackage(
  context: Context,
  feedName: string,
  text: string,
  reason: string | null,
): Promise<ProtectionChange> {
  const { db } = await context.catalog();
  return commit(db, [], async (transaction) => {
    const feed = await lockLiveFeed(transaction, feedName);
    const protection = parseProtection(feed.type, text);
    const changed = await protect(context, transaction, feed, { ...protection, reason });
    const versions = await countProtected(transaction, feed, protection);
    return { feed: feed.name, ...protection, pattern: protectionName(feed.type, protection), changed, versions };
  });
}

export async function protect(context: Context, db: Db, feed: FeedRow, protection: NewProtection): Promise<boolean> {
  const changed = await addProtection(db, feed.id, protection, { actor: context.actor, now: context.now() });
  await audit(context, db, feed, { action: "protected", ...protection });
  return changed;
}

export async function unprotectPackage(context: Context, feedName: string, text: string): Promise<ProtectionChange> {
  const { db } = await context.catalog();
  return commit(db, [], async (transaction) => {
    const feed = await lockLiveFeed(transaction, feedName);
    const protection = parseProtection(feed.type, text);
    if (!(await removeProtection(transaction, feed.id, protection)))
      throw new FeedctlError("not-found", `feed "${feed.name}" has no protection ${text}`, {
        hint: `see: feedctl package protected ${feed.name}`,
      });
    await audit(context, transaction, feed, { action: "unprotected", ...protection, reason: null });
    return { feed: feed.name, ...protection, pattern: protectionName(feed.type, protection), changed: true };
  });
}

export async function listProtected(context: Context, feedName: string): Promise<Protection[]> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, feedName);
  return (await listProtections(db, feed.id)).map((row) => ({
    package: row.package,
    version: row.version,
    reason: row.reason,
    createdAt: row.created_at,
    createdBy: row.created_by,
  }));
}

async function audit(
  context: Context,
  db: Db,
  feed: FeedRow,
  { action, reason, ...protection }: NewProtection & { action: "protected" | "unprotected" },
): Promise<void> {
  await insertAuditEvents(db, { runId: null, actor: context.actor, feedId: feed.id, now: context.now() }, [
    { action, object: protectionName(feed.type, protection), ...(reason !== null && { detail: { reason } }) },
  ]);
}
