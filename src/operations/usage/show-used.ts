import { unhideUsedSince } from "../../catalog/retention/quarantine.ts";
import { listRules } from "../../catalog/retention/rules.ts";
import { insertAuditEvents } from "../../catalog/runs.ts";
import type { Db } from "../../catalog/schema/core.ts";
import type { Context } from "../context.ts";

/**
 * Shows versions again that retention has hidden, when a log shows that they were used within the days of a rule of the
 * feed. Logs are imported later than the use that they record: the rule may have taken the version for unused. Returns
 * how many were shown.
 */
export async function showUsed(context: Context, db: Db, feedId: number, hidden: readonly number[]): Promise<number> {
  if (hidden.length === 0) return 0;
  const rules = await listRules(db, feedId);
  const days = rules.map(({ enabled, criteria }) => (enabled ? (criteria.keepUsedWithinDays ?? 0) : 0));
  const most = Math.max(0, ...days);
  if (most === 0) return 0;
  const now = context.now();
  const shown = await unhideUsedSince(db, hidden, new Date(now.getTime() - most * 86_400_000));
  await insertAuditEvents(
    db,
    { runId: null, actor: context.actor, feedId, now },
    shown.map(({ group, name, version }) => ({
      action: "restored",
      object: `${group === "" ? "" : `${group}/`}${name}@${version}`,
      detail: { reason: "a log shows that it was used" },
    })),
  );
  return shown.length;
}
