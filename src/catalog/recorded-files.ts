import { sql } from "kysely";
import type { NewFile } from "./packages.ts";
import type { Db } from "./schema/core.ts";

/** A catalogued file with everything that is needed to insert its rows again. */
export type RecordedFile = Omit<NewFile, "storeTag" | "publishedAt">;

/** The catalogued files among `keys`, by key. */
export async function readRecorded(
  db: Db,
  feedId: number,
  keys: readonly string[],
): Promise<Map<string, RecordedFile>> {
  if (keys.length === 0) return new Map();
  const found = await sql<RecordedFile>`
    select p.group_name as "group", p.name, p.name_key as "nameKey", v.version, v.normalized_version as "normalizedVersion",
      encode(v.sort_key, 'hex') as "sortKey", v.prerelease, v.metadata, f.qualifier, f.key, f.size::float8 as size,
      f.content_type as "contentType", encode(f.md5, 'hex') as md5, encode(f.sha1, 'hex') as sha1,
      encode(f.sha256, 'hex') as sha256, encode(f.sha512, 'hex') as sha512
    from feedctl.files f join feedctl.versions v on v.id = f.version_id join feedctl.packages p on p.id = v.package_id
    where f.feed_id = ${feedId} and f.key in (select jsonb_array_elements_text(${JSON.stringify(keys)}::jsonb))`.execute(
    db,
  );
  return new Map(found.rows.map((row) => [row.key, row]));
}
