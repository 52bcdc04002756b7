// Measures how long a retention plan takes on PostgreSQL, how that grows with the feed, and the memory of this process:
// node test/bench/retention.ts [10000 100000 1000000]. Prints; asserts nothing. There is no peer: the ratio compares
// the
// time with that for a tenth of the versions.
import { sql } from "kysely";
import { migrateCatalog } from "../../src/catalog/connection/migrate.ts";
import { openPostgres } from "../../src/catalog/connection/open-postgres.ts";
import { insertFeed } from "../../src/catalog/feeds.ts";
import { saveRules } from "../../src/catalog/retention/rules.ts";
import type { Context } from "../../src/operations/context.ts";
import { planRetention } from "../../src/operations/retention/plan.ts";
import type { RetentionCriteria } from "../../src/catalog/schema/retention-criteria.ts";
import { startPostgres } from "../support/postgres.ts";

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10_000, 100_000, 1_000_000];
const now = new Date();

/** The measured rules: each alone, then all together, in order. */
const rules: Record<string, RetentionCriteria> = {
  "unused prereleases": { deletePrereleaseVersions: true, keepVersionsCount: 2, keepUsedWithinDays: 30 },
  "newest 3 of each minor line": {
    keepVersionsCount: 3,
    keepVersionsPer: "minor",
    keepLastStable: true,
    olderThanDays: 300,
  },
  "names, versions, range": {
    deletePackageIds: ["package-1*"],
    keepVersions: ["*.0.0"],
    versionsRange: "<3.0.0",
    triggerDownloadCount: 3,
  },
  "quota of half the feed": { sizeTrigger: 0 },
};

await using server = await startPostgres();
if (server === undefined) throw new Error("no PostgreSQL on this machine");
await using catalog = await openPostgres(await server.createDatabase());
await migrateCatalog(catalog);
const { db } = catalog;
const context = {
  catalog: async () => catalog,
  now: () => now,
  clockAhead: async () => 0,
  signal: new AbortController().signal,
  notice: () => {},
} as Partial<Context> as Context;
const version = await sql<{ version: string }>`show server_version`.execute(db);
console.log(`PostgreSQL ${Object.values(version.rows[0] ?? {}).join()}, Node ${process.versions.node}`);

const before = new Map<string, number>();
for (const size of sizes) {
  const feed = await fill(size);
  for (const [title, list] of [
    ...Object.entries(rules).map(([name, rule]) => [name, [rule]] as const),
    ["all four", Object.values(rules)] as const,
  ]) {
    await saveRules(
      db,
      feed.id,
      list.map((criteria) => ({
        name: null,
        enabled: true,
        protectAcross: false,
        criteria: { ...criteria, ...(criteria.sizeTrigger === 0 && { sizeTrigger: feed.bytes / 2 }) },
      })),
    );
    const seconds: number[] = [];
    let selected = 0;
    let memory = 0;
    for (let round = 0; round < 3; round++) {
      const watch = setInterval(() => (memory = Math.max(memory, process.memoryUsage.rss())), 20);
      const started = performance.now();
      const plan = await planRetention(context, feed.name);
      seconds.push((performance.now() - started) / 1000);
      selected = 0;
      for await (const _each of plan.versions()) selected++;
      await plan[Symbol.asyncDispose]();
      clearInterval(watch);
    }
    const median = seconds.toSorted((a, b) => a - b)[1] as number;
    const smaller = before.get(title);
    before.set(title, median);
    const growth = smaller === undefined ? "" : `  ${(median / smaller).toFixed(1)} x the size before`;
    console.log(
      `${String(size).padStart(9)} versions  ${title.padEnd(30)} ${median.toFixed(2).padStart(6)} s  deletes ${String(selected).padStart(7)}  process ${(memory / 2 ** 20).toFixed(0)} MiB${growth}`,
    );
  }
}

/** A feed of `size` versions, 20 in a package, a fifth of them prereleases, published over three years. */
async function fill(size: number): Promise<{ id: number; name: string; bytes: number }> {
  const row = await insertFeed(db, { name: `feed-${size}`, type: "npm", description: null, now });
  if (row === undefined) throw new Error("the feed is there already");
  const started = performance.now();
  await sql`insert into feedctl.packages (feed_id, group_name, name, name_key)
    select ${row.id}::int, '', 'package-' || n, 'package-' || n from generate_series(1, ${size / 20}::int) n`.execute(
    db,
  );
  await sql`insert into feedctl.versions (package_id, version, normalized_version, sort_key, prerelease, cached, published_at, published_by, downloads, last_used_at, metadata)
    select p.id, t.text, t.text, decode('01' || lpad(to_hex(n / 10 + 1), 2, '0') || '01' || lpad(to_hex(n / 5 % 2 + 1), 2, '0') || '01' || lpad(to_hex(n % 5 + 1), 2, '0') || case when n % 5 = 4 then '00' else '01' end, 'hex'),
      n % 5 = 4, n % 7 = 0, now() - (p.id * 7919 % 1000 + 20 - n) * interval '1 day', 'bench', (p.id * n) % 9,
      case when (p.id + n) % 3 = 0 then now() - ((p.id * n) % 200) * interval '1 day' end,
      jsonb_build_object('description', repeat('what this package is good for ', 10))
    from feedctl.packages p, generate_series(0, 19) n,
      lateral (select (n / 10) || '.' || (n / 5 % 2) || '.' || (n % 5) || case when n % 5 = 4 then '-beta.1' else '' end as text) t
    where p.feed_id = ${row.id}::int`.execute(db);
  await sql`insert into feedctl.files (version_id, feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, created_at)
    select v.id, ${row.id}::int, '', p.name || '/-/' || p.name || '-' || v.version || '.tgz', 1000 + v.id % 5000, '\\x00', '\\x00', decode(md5(v.id::text), 'hex'), '\\x00', 'application/octet-stream', now()
    from feedctl.versions v join feedctl.packages p on p.id = v.package_id where p.feed_id = ${row.id}::int`.execute(
    db,
  );
  await sql`vacuum analyze feedctl.packages, feedctl.versions, feedctl.files`.execute(db);
  const bytes = await sql<{
    bytes: number;
  }>`select sum(size)::float8 as bytes from feedctl.files where feed_id = ${row.id}::int`.execute(db);
  console.log(`${size} versions made in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return { id: row.id, name: row.name, bytes: bytes.rows[0]?.bytes ?? 0 };
}
