import { sql, type Selectable } from "kysely";
import type { Db, FeedsTable } from "./schema/core.ts";

export type FeedRow = Selectable<FeedsTable>;

/** Names are ASCII. The collation of a database may have other lower-case letters: the Turkish one of I is not i. */
const foldedName = sql`lower(name collate "C")`;

export async function listFeeds(db: Db): Promise<FeedRow[]> {
  return db.selectFrom("feeds").selectAll().orderBy(foldedName).execute();
}

/** Feed names are case-insensitive. */
export async function findFeed(db: Db, name: string): Promise<FeedRow | undefined> {
  return db.selectFrom("feeds").selectAll().where(foldedName, "=", name.toLowerCase()).executeTakeFirst();
}

export async function findFeedById(db: Db, id: number): Promise<FeedRow | undefined> {
  return db.selectFrom("feeds").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Returns undefined when a feed of that name exists. */
export async function insertFeed(
  db: Db,
  feed: { name: string; type: string; description: string | null; now: Date },
): Promise<FeedRow | undefined> {
  // a refused insert would use up an id
  if ((await findFeed(db, feed.name)) !== undefined) return undefined;
  return db
    .insertInto("feeds")
    .values({ name: feed.name, type: feed.type, description: feed.description, created_at: feed.now })
    .onConflict((conflict) => conflict.expression(foldedName).doNothing()) // the same id is another mistake
    .returningAll()
    .executeTakeFirst();
}

export type FeedChange = Partial<
  Pick<
    FeedRow,
    | "name"
    | "description"
    | "drop_path"
    | "drop_distribution"
    | "drop_component"
    | "active"
    | "retention_rules_enabled"
    | "deleting_at"
  >
>;

export async function updateFeed(db: Db, id: number, change: FeedChange): Promise<FeedRow> {
  return db.updateTable("feeds").set(change).where("id", "=", id).returningAll().executeTakeFirstOrThrow();
}

/** Cascades to the feed's packages, versions and file rows. */
export async function deleteFeedRow(db: Db, id: number): Promise<void> {
  await db.deleteFrom("feeds").where("id", "=", id).execute();
}

export interface FeedTotals {
  packages: number;
  versions: number;
  files: number;
  bytes: number;
}

export async function feedTotals(db: Db, feedId: number): Promise<FeedTotals> {
  const result = await sql<FeedTotals>`
    select
      (select count(*) from feedctl.packages where feed_id = ${feedId})::float8 as packages,
      (select count(*) from feedctl.versions v join feedctl.packages p on p.id = v.package_id where p.feed_id = ${feedId})::float8 as versions,
      count(*)::float8 as files,
      coalesce(sum(size), 0)::float8 as bytes
    from feedctl.files where feed_id = ${feedId}`.execute(db);
  return result.rows[0] ?? { packages: 0, versions: 0, files: 0, bytes: 0 };
}

/** Files and bytes by feed id. Feeds without files are missing. */
export async function fileTotals(db: Db): Promise<Map<number, Pick<FeedTotals, "files" | "bytes">>> {
  const result = await sql<{ id: number; files: number; bytes: number }>`
    select feed_id as id, count(*)::float8 as files, sum(size)::float8 as bytes from feedctl.files group by feed_id`.execute(
    db,
  );
  return new Map(result.rows.map(({ id, files, bytes }) => [id, { files, bytes }]));
}
