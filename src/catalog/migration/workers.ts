import { sql, type Selectable } from "kysely";
import type { Db } from "../schema/core.ts";
import type { WorkersTable } from "../schema/migration.ts";

export type WorkerRow = Selectable<WorkersTable>;

export async function insertWorker(
  db: Db,
  worker: { host: string; pid: number; actor: string; concurrency: number; now: Date },
): Promise<number> {
  const { now, ...about } = worker;
  const row = await db
    .insertInto("workers")
    .values({ ...about, started_at: now, seen_at: now })
    .returning("id")
    .executeTakeFirstOrThrow();
  return row.id;
}

export async function markWorkerSeen(db: Db, id: number, now: Date, stopped = false): Promise<void> {
  await db
    .updateTable("workers")
    .set({ seen_at: now, ...(stopped && { stopped_at: now }) })
    .where("id", "=", id)
    .execute();
}

/** Workers seen after `since`, newest first, each with how many ranges it has finished and how many it holds. */
export async function listWorkers(db: Db, since: Date): Promise<(WorkerRow & { finished: number; working: number })[]> {
  const found = await sql<WorkerRow & { finished: number; working: number }>`
    select w.*, count(r.finished_at)::int as finished,
      count(*) filter (where r.claim is not null and r.finished_at is null)::int as working
    from feedctl.workers w left join feedctl.migration_ranges r on r.worker_id = w.id
    where w.seen_at > ${since}::timestamptz group by w.id order by w.id desc`.execute(db);
  return found.rows;
}
