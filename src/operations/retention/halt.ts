import { findFeedById } from "../../catalog/feeds.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Context } from "../context.ts";
import { loadSettings } from "../feed-store/effective-settings.ts";
import type { RetentionRule } from "./criteria.ts";
import { readRules } from "./rules.ts";

const DRY_RUN = "FeedRetentionDryRun";

/** Whether the setting that makes every run a dry run is on. */
export async function isDryRunSet(context: Context, db: Db): Promise<boolean> {
  return (await loadSettings(context, db)).get(DRY_RUN)?.value === "true";
}

export const dryRunWords = `the setting ${DRY_RUN} is on`;

/**
 * Why a run must not go on; undefined when it may. An administrator who sees a wrong rule at work switches it, the feed's
 * retention or all retention off: that ends the run before its next batch.
 */
export async function whyHalted(
  context: Context,
  db: Db,
  { feed, rules }: { feed: { id: number; name: string }; rules: readonly RetentionRule[] },
): Promise<string | undefined> {
  const now = await findFeedById(db, feed.id);
  if (now === undefined || now.deleting_at !== null) return `feed ${feed.name} is being deleted`;
  if (!now.retention_rules_enabled) return `retention is off for feed ${feed.name}`;
  if (await isDryRunSet(context, db)) return dryRunWords;
  const isSame = JSON.stringify(await readRules(db, feed.id)) === JSON.stringify(rules);
  return isSame ? undefined : `the rules of feed ${feed.name} were changed`;
}
