import { sql, type Selectable } from "kysely";
import type { Db } from "./schema/core.ts";
import type { InstallationTable } from "./schema/installation.ts";

export type InstallationRow = Selectable<InstallationTable>;

export async function findInstallation(db: Db): Promise<InstallationRow | undefined> {
  return db.selectFrom("installation").selectAll().executeTakeFirst();
}

/** Inserts the installation's row with a new random id, unless it exists, and returns the row. */
export async function insertInstallation(db: Db, about: { host: string; now: Date }): Promise<InstallationRow> {
  await db
    .insertInto("installation")
    .values({
      id: sql<string>`gen_random_uuid()`,
      default_root: null,
      host: about.host,
      created_at: about.now,
    })
    .onConflict((conflict) => conflict.column("only_row").doNothing())
    .execute();
  return db.selectFrom("installation").selectAll().executeTakeFirstOrThrow();
}

/** Records the default root unless one is recorded, and returns the recorded one. */
export async function saveDefaultRoot(db: Db, root: string): Promise<string> {
  await db.updateTable("installation").set({ default_root: root }).where("default_root", "is", null).execute();
  const { default_root: saved } = await db.selectFrom("installation").select("default_root").executeTakeFirstOrThrow();
  return saved ?? root;
}
