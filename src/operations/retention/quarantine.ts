import { insertAuditEvents } from "../../catalog/runs.ts";
import { listHidden, unhideVersions, type HiddenReason } from "../../catalog/retention/quarantine.ts";
import { FeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { requireFeed, lockLiveFeed } from "../feed-store/find-feed.ts";
import { parsePackageSpec } from "../packages/packages.ts";
import { protect } from "./protections.ts";

/** A version that retention has hidden: feedctl does not list or deliver it, but its files still exist. */
export interface HiddenPackage {
  group: string;
  name: string;
  version: string;
  hiddenAt: Date;
  /** When its quarantine ends; runs may delete it from then on. */
  until: Date;
  run: number;
  rule: number;
  ruleName: string | null;
  reason: string;
  bytes: number;
}

export async function listHiddenPackages(context: Context, feedName: string): Promise<HiddenPackage[]> {
  const { db } = await context.catalog();
  const feed = await requireFeed(db, feedName);
  return (await listHidden(db, feed.id)).map(({ id: _id, detail, ...version }) => ({
    ...version,
    ...reasonOf(detail),
  }));
}

function reasonOf({ rule, ruleName, reason }: HiddenReason): HiddenReason {
  return { rule, ruleName, reason };
}

export interface RestoredVersions {
  feed: string;
  versions: { group: string; name: string; version: string }[];
  /** Whether they are protected from retention now. */
  protected: boolean;
}

/**
 * Shows hidden versions again. `text` is `[group/]name[@version]`, where `*` matches any text. Unless they are
 * protected, the next run may hide them again. Throws `not-found` when nothing matches.
 */
export async function restorePackage(
  context: Context,
  feedName: string,
  text: string,
  { protect: isProtected = false }: { protect?: boolean | undefined } = {},
): Promise<RestoredVersions> {
  const { db } = await context.catalog();
  const { group, name, version } = parsePackageSpec(text);
  const full = fullName({ group, name });
  return commit(db, [], async (transaction) => {
    const feed = await lockLiveFeed(transaction, feedName);
    const hidden = await listHidden(transaction, feed.id, { name: full, version });
    const shown = await unhideVersions(
      transaction,
      hidden.map(({ id }) => id),
    );
    const found = hidden.filter(({ id }) => shown.has(id));
    if (found.length === 0)
      throw new FeedctlError("not-found", `feed "${feed.name}" has no hidden version ${text}`, {
        hint: `see: feedctl retention quarantine ${feed.name}`,
      });
    const about = { runId: null, actor: context.actor, feedId: feed.id, now: context.now() };
    await insertAuditEvents(
      transaction,
      about,
      found.map((each) => ({
        action: "restored",
        object: `${fullName(each)}@${each.version}`,
        detail: { hiddenBy: each.run },
      })),
    );
    if (isProtected)
      for (const each of found)
        await protect(context, transaction, feed, {
          package: fullName(each),
          version: each.version,
          reason: "restored",
        });
    const versions = found.map((each) => ({ group: each.group, name: each.name, version: each.version }));
    return { feed: feed.name, versions, protected: isProtected };
  });
}

function fullName({ group, name }: { group: string; name: string }): string {
  return group === "" ? name : `${group}/${name}`;
}
