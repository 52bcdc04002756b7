import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import pg from "pg";
import { someBytes } from "./bytes.ts";

/**
 * Fills an npm feed whose disk store is `directory` with `count` files of a few bytes each, without feedctl: thousands
 * in a second, where an import would take longer than the test itself.
 */
export async function fillFeed(
  databaseUrl: string,
  feed: string,
  directory: string,
  count: number,
  { size = 100 }: { size?: number } = {},
): Promise<void> {
  const files = Array.from({ length: count }, (_, index) => {
    const name = `many-${String(index).padStart(6, "0")}`;
    const key = `${name}/-/${name}-1.0.0.tgz`;
    const bytes = someBytes(size, index + 1);
    mkdirSync(dirname(join(directory, key)), { recursive: true });
    writeFileSync(join(directory, key), bytes);
    const hash = (algorithm: string) => createHash(algorithm).update(bytes).digest("hex");
    return { name, key, md5: hash("md5"), sha1: hash("sha1"), sha256: hash("sha256"), sha512: hash("sha512") };
  });
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      `with feed as (select id from feedctl.feeds where name = $1),
        given as (select * from jsonb_to_recordset($2::jsonb)
          as g(name text, key text, md5 text, sha1 text, sha256 text, sha512 text)),
        p as (insert into feedctl.packages (feed_id, group_name, name, name_key)
          select feed.id, '', name, name from feed, given order by name returning id, name),
        v as (insert into feedctl.versions (package_id, version, normalized_version, sort_key, prerelease, published_at, published_by, metadata)
          select id, '1.0.0', '1.0.0', '\\x01', false, now(), 'test', '{}' from p order by id returning id, package_id)
      insert into feedctl.files (version_id, feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, created_at)
        select v.id, feed.id, '', g.key, $3, decode(g.md5, 'hex'), decode(g.sha1, 'hex'), decode(g.sha256, 'hex'),
          decode(g.sha512, 'hex'), 'application/octet-stream', now()
        from feed, given g join p on p.name = g.name join v on v.package_id = p.id`,
      [feed, JSON.stringify(files), size],
    );
    await client.query("analyze");
  } finally {
    await client.end();
  }
}
