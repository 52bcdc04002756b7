import type { Db } from "./schema/core.ts";

/** Saved values by name. A value that was saved as an empty string defers to the configuration file. */
export async function readSettings(db: Db): Promise<Map<string, string>> {
  const rows = await db.selectFrom("settings").select(["name", "value"]).execute();
  return new Map(rows.map((row) => [row.name, row.value]));
}

export async function saveSetting(db: Db, name: string, value: string, now: Date): Promise<void> {
  await db
    .insertInto("settings")
    .values({ name, value, updated_at: now })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ value, updated_at: now }))
    .execute();
}

export async function removeSetting(db: Db, name: string): Promise<void> {
  await db.deleteFrom("settings").where("name", "=", name).execute();
}
