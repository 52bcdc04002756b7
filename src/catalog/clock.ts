import { sql } from "kysely";
import type { Db } from "./schema/core.ts";

/** The time by the clock of the catalog's server, not that of a transaction's start. */
export async function readClock(db: Db): Promise<Date> {
  const found = await sql<{ now: Date }>`select pg_catalog.clock_timestamp() as now`.execute(db);
  if (found.rows[0] === undefined) throw new Error("the catalog has no clock");
  return found.rows[0].now;
}
