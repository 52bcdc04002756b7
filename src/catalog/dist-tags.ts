import { sql } from "kysely";
import type { Db } from "./schema/core.ts";

export interface DistTag {
  tag: string;
  version: string;
  /** Null: nobody set it; it follows the newest release. */
  setAt: Date | null;
  setBy: string | null;
}

/** The tags of a package whose versions are visible, by name. */
export async function listDistTags(db: Db, packageId: number): Promise<DistTag[]> {
  const found = await sql<DistTag>`
    select t.tag, v.version, t.set_at as "setAt", t.set_by as "setBy"
    from feedctl.dist_tags t join feedctl.versions v on v.id = t.version_id
    where t.package_id = ${packageId} and v.quarantined_at is null order by t.tag`.execute(db);
  return found.rows;
}

/** The version that `latest` means where it is not set: the newest listed release, else the newest version. */
export async function findNewestRelease(db: Db, packageId: number): Promise<string | undefined> {
  const found = await sql<{ version: string }>`
    select version from feedctl.versions where package_id = ${packageId} and quarantined_at is null
    order by listed desc, prerelease, sort_key desc limit 1`.execute(db);
  return found.rows[0]?.version;
}

export interface NewDistTag {
  packageId: number;
  tag: string;
  versionId: number;
}

/** Sets a tag, and touches the version, so that a retention run which planned to delete it leaves it. */
export async function setDistTag(
  db: Db,
  { packageId, tag, versionId }: NewDistTag,
  by: { actor: string; now: Date },
): Promise<void> {
  await sql`
    insert into feedctl.dist_tags (package_id, tag, version_id, set_at, set_by)
    values (${packageId}, ${tag}, ${versionId}, ${by.now}::timestamptz, ${by.actor})
    on conflict (package_id, tag) do update set version_id = excluded.version_id, set_at = excluded.set_at, set_by = excluded.set_by`.execute(
    db,
  );
  await sql`update feedctl.versions set listed = listed where id = ${versionId}`.execute(db);
}

/** Returns whether there was such a tag. */
export async function removeDistTag(db: Db, packageId: number, tag: string): Promise<boolean> {
  const gone = await sql`delete from feedctl.dist_tags where package_id = ${packageId} and tag = ${tag}`.execute(db);
  return gone.numAffectedRows === 1n;
}
