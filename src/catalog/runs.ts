import { sql } from "kysely";
import { redact } from "../lib/text/redact.ts";
import type { Db } from "./schema/core.ts";

export async function insertRun(
  db: Db,
  run: { command: string; feedId: number | null; actor: string; host: string; pid: number; now: Date },
): Promise<number> {
  const row = await db
    .insertInto("runs")
    .values({
      command: run.command,
      feed_id: run.feedId,
      actor: run.actor,
      host: run.host,
      pid: run.pid,
      state: "running",
      started_at: run.now,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return row.id;
}

export async function finishRun(
  db: Db,
  id: number,
  end: { state: "done" | "failed" | "interrupted"; summary: object | null; now: Date },
): Promise<void> {
  const { state, summary, now } = end;
  await db
    .updateTable("runs")
    .set({ state, finished_at: now, summary: summary === null ? null : redact(JSON.stringify(summary)) })
    .where("id", "=", id)
    .execute();
}

export interface AuditEvent {
  action: string;
  object: string;
  detail?: Record<string, unknown>;
}

/** One event per object, in one statement. */
export async function insertAuditEvents(
  db: Db,
  about: { runId: number | null; actor: string; feedId: number | null; now: Date },
  events: readonly AuditEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await sql`
    insert into feedctl.audit_events (run_id, at, actor, action, feed_id, object, detail)
    select ${about.runId}::bigint, ${about.now}::timestamptz, ${about.actor}::text, e.action, ${about.feedId}::int, e.object, e.detail
    from jsonb_to_recordset(${JSON.stringify(events)}::jsonb) as e(action text, object text, detail jsonb)`.execute(db);
}

/** The newest running migration of a feed, for a message that names it. */
export async function findRunningMigration(
  db: Db,
  feedId: number,
): Promise<{ id: number; actor: string; host: string } | undefined> {
  return db
    .selectFrom("runs")
    .select(["id", "actor", "host"])
    .where("feed_id", "=", feedId)
    .where("state", "=", "running")
    .where("command", "like", "migrate%")
    .orderBy("id", "desc")
    .executeTakeFirst();
}

/**
 * Updates the planner's statistics. A server does so itself after a minute, the embedded catalog never. Without them
 * every page of a long listing would read the whole table.
 */
export async function updateStatistics(db: Db): Promise<void> {
  await sql`analyze feedctl.packages, feedctl.versions, feedctl.files, feedctl.assets, feedctl.asset_folders,
    feedctl.asset_history, feedctl.proofs`.execute(db);
}
