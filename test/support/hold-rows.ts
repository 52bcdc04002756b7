import pg from "pg";
import type { Installation } from "./databases.ts";

/** The rows of all feeds, locked as by a deletion: transactions that add or delete versions wait. */
export interface HeldRows extends AsyncDisposable {
  /** Whether so many transactions wait for a lock. */
  isAwaitedBy(count: number): Promise<boolean>;
  /** Ends the connections that wait. */
  cutWaiting(): Promise<void>;
  release(): Promise<void>;
}

const blocked = "datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0";

export async function holdRows(place: Installation): Promise<HeldRows> {
  const client = new pg.Client({ connectionString: place.env["FEEDCTL_DATABASE_URL"] });
  await client.connect();
  await client.query("begin; select from feedctl.feeds for no key update");
  return {
    isAwaitedBy: async (count) =>
      (await place.rows(`select pid from pg_stat_activity where ${blocked}`)).length === count,
    cutWaiting: async () =>
      void (await place.rows(`select pg_terminate_backend(pid) from pg_stat_activity where ${blocked}`)),
    release: async () => void (await client.query("commit")),
    [Symbol.asyncDispose]: () => client.end(),
  };
}
