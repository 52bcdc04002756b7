import { updateStatus, type VersionStatus } from "../../catalog/package-status.ts";
import type { PackageVersion } from "../../catalog/packages.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import { FeedctlError } from "../../errors.ts";
import { commit } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import { lockLiveFeed } from "../feed-store/find-feed.ts";
import { requireVersionsOf, versionTitle, type PackageSpec } from "./packages.ts";

export type { VersionStatus } from "../../catalog/package-status.ts";

export interface StatusOfVersion extends VersionStatus {
  group: string;
  name: string;
  version: string;
  changed: boolean;
}

const MOST_REASON = 1000;

/** Changes the status of the versions that match a spec, all or none. Throws `not-found` when there are none. */
export async function changeStatus(
  context: Context,
  feedName: string,
  spec: PackageSpec,
  { change, dryRun }: { change: Partial<VersionStatus>; dryRun: boolean },
): Promise<StatusOfVersion[]> {
  checkReason(change);
  const { db } = await context.catalog();
  return commit(db, [], async (transaction) => {
    const feed = await lockLiveFeed(transaction, feedName);
    const versions = await requireVersionsOf(transaction, feed, spec);
    const ids = versions.filter((version) => differs(version, change)).map(({ id }) => id);
    const changed = dryRun ? new Set(ids) : await updateStatus(transaction, ids, change);
    const about = { runId: null, actor: context.actor, feedId: feed.id, now: context.now() };
    const events = versions
      .filter(({ id }) => changed.has(id))
      .map((version) => ({
        action: "status changed",
        object: versionTitle(version),
        detail: { before: statusOf(version), after: { ...statusOf(version), ...change } },
      }));
    if (!dryRun) await insertAuditEvents(transaction, about, events);
    return versions.map(({ group, name, version, id, ...row }) => ({
      group,
      name,
      version,
      ...statusOf(row),
      ...change,
      changed: changed.has(id),
    }));
  });
}

function checkReason({ deprecated, deprecationReason: reason }: Partial<VersionStatus>): void {
  if (reason === undefined || reason === null) return;
  // npm takes an empty reason for the opposite, and a script may have lost its variable
  if (deprecated === true && reason.trim() === "")
    throw new FeedctlError("usage", "the reason is empty", {
      hint: "say why; to no longer advise against the version: --no-deprecated",
    });
  if (reason.length > MOST_REASON || reason.includes("\0") || !reason.isWellFormed())
    throw new FeedctlError("usage", `the reason is not text of at most ${MOST_REASON} characters`);
}

function statusOf({ listed, allowed, deprecated, deprecationReason, cached }: VersionStatus): VersionStatus {
  return { listed, allowed, deprecated, deprecationReason, cached };
}

function differs(version: PackageVersion, change: Partial<VersionStatus>): boolean {
  const before: Record<string, unknown> = { ...statusOf(version) };
  return Object.entries(change).some(([member, value]) => before[member] !== value);
}
