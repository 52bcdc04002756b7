import type { Db } from "./schema/core.ts";

/** The salt of this catalog; undefined until the first value is sealed with a passphrase. */
export async function findKeySalt(db: Db): Promise<Buffer | undefined> {
  const row = await db.selectFrom("key_salt").select("salt").executeTakeFirst();
  return row === undefined ? undefined : Buffer.from(row.salt, "hex");
}

/** Saves a salt unless there is one, and returns the one that counts. */
export async function createKeySalt(db: Db, salt: Buffer): Promise<Buffer> {
  await db
    .insertInto("key_salt")
    .values({ salt: salt.toString("hex") })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
  return (await findKeySalt(db)) ?? salt;
}
