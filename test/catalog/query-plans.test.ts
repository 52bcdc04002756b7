// A page of a listing costs as much as its rows, however many the catalog has.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import pg from "pg";
import { assetsBelow } from "../../src/catalog/assets/assets.ts";
import { foldersBelow } from "../../src/catalog/assets/folders.ts";
import { listKept } from "../../src/catalog/assets/history.ts";
import type { Catalog } from "../../src/catalog/connection/catalog.ts";
import { catalogOn, types } from "../../src/catalog/connection/open-postgres.ts";
import { listFiles } from "../../src/catalog/files.ts";
import { listProofs, listUnproven } from "../../src/catalog/migration/proofs.ts";
import { listPackagesByPrefix, listVersions } from "../../src/catalog/packages.ts";
import { listPendingDeletes, listPendingWrites } from "../../src/catalog/pending.ts";
import { listHidden } from "../../src/catalog/retention/quarantine.ts";
import type { Db } from "../../src/catalog/schema/core.ts";
import type { Key } from "../../src/lib/key.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

const [PACKAGES, ASSETS] = [1, 2];

/** 200,000 versions of 20,000 packages, a thousand of them hidden, one with a file each; 20,000 assets with an earlier content. */
const ROWS = `
  insert into feedctl.feeds (name, type, created_at) values ('packages', 'npm', now()), ('assets', 'asset', now());
  insert into feedctl.stores (feed_id, type, options, role, created_at) values (${PACKAGES}, 'disk', '{}', 'current', now());
  insert into feedctl.packages (feed_id, group_name, name, name_key)
    select ${PACKAGES}, '', 'P-' || lpad(i::text, 6, '0'), 'p-' || lpad(i::text, 6, '0') from generate_series(1, 20000) i;
  insert into feedctl.versions (package_id, version, normalized_version, sort_key, prerelease, published_at, published_by, metadata)
    select p.id, '1.' || n || '.0', '1.' || n || '.0', int4send(n), false, now(), 'sql', '{}'
    from feedctl.packages p, generate_series(1, 10) n;
  update feedctl.versions set quarantined_at = now(), quarantined_until = now(), quarantine_detail = '{}' where id % 200 = 0;
  insert into feedctl.files (version_id, feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, created_at)
    select v.id, ${PACKAGES}, '', 'p/' || v.id, 1, '', '', '', '', 'text/plain', now() from feedctl.versions v where v.id % 10 = 0;
  insert into feedctl.files (version_id, feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, created_at)
    select null, ${ASSETS}, '', case when i > 20000 then '.old/' else 'a/' end || i % 100 || '/' || i, 1, '', '', '', '', 'text/plain', now()
    from generate_series(1, 40000) i;
  insert into feedctl.asset_folders (feed_id, path, created_at) select ${ASSETS}, 'a/' || i, now() from generate_series(1, 20000) i;
  insert into feedctl.assets (file_id, created_at, modified_at, uploaded_at, uploaded_by)
    select id, now(), now(), now(), 'sql' from feedctl.files where key like 'a/%';
  insert into feedctl.asset_history (file_id, feed_id, path, created_at, modified_at, uploaded_by, reason, kept_at, kept_by)
    select id, ${ASSETS}, substr(key, 6), now(), now(), 'sql', 'overwritten', now(), 'sql' from feedctl.files where key like '.old/%';
  insert into feedctl.proofs (store_id, key, tag, sha256, proven_at) select s.id, key, 't', '', now() from feedctl.files, feedctl.stores s where s.feed_id = ${PACKAGES} and feedctl.files.feed_id = ${PACKAGES} and feedctl.files.id % 20 = 0;
  analyze`;

const listings: Record<string, (db: Db) => AsyncIterable<unknown> | Promise<unknown>> = {
  versions: (db) => listVersions(db, PACKAGES),
  "versions of a package": (db) => Array.fromAsync(listVersions(db, PACKAGES, { group: "", name: "P-010000" })),
  "a version by its name only": (db) =>
    Array.fromAsync(listVersions(db, PACKAGES, { name: "P-010000", version: "1.1.0" })),
  "completed names": (db) => listPackagesByPrefix(db, PACKAGES, "P-0100", 100),
  "hidden versions": (db) => listHidden(db, PACKAGES),
  files: (db) => listFiles(db, PACKAGES),
  "unproven files": (db) => listUnproven(db, PACKAGES, 1, { after: "p/150000", upTo: null, limit: 500 }),
  proofs: (db) => listProofs(db, 1),
  assets: (db) => assetsBelow(db, ASSETS, ""),
  "assets of a folder": (db) => assetsBelow(db, ASSETS, "a/77", true),
  folders: (db) => foldersBelow(db, ASSETS, ""),
  "earlier content": (db) => listKept(db, ASSETS),
  "earlier content of a file": (db) => listKept(db, ASSETS, "77/20077"),
  "pending deletes": (db) =>
    listPendingDeletes(db, { storeId: 1, feedId: PACKAGES, after: "p/150000" as Key, limit: 500 }),
  "pending writes": (db) => listPendingWrites(db, 1, 500),
};

interface Plan {
  "Node Type": string;
  "Relation Name"?: string;
  "Plan Rows": number;
  Plans?: Plan[];
}

describe("a page of a listing reads no table from its beginning to its end", () => {
  let server: TestPostgres | undefined;
  let pool: pg.Pool;
  let catalog: Catalog;
  const asked: { text: string; values: unknown[] }[] = [];

  before(async () => {
    server = await startPostgres();
    if (server === undefined) return;
    pool = new pg.Pool({ connectionString: await server.createCatalog(), types });
    await pool.query(ROWS);
    const connect = async () => {
      const client = await pool.connect();
      const query = client.query.bind(client) as (text: string, values: unknown[]) => Promise<pg.QueryResult>;
      return {
        query(text: string, values: unknown[]) {
          asked.push({ text, values });
          return query(text, values);
        },
        release: () => client.release(),
      } as unknown as pg.PoolClient;
    };
    catalog = catalogOn({ query: pool.query.bind(pool), end: async () => {}, options: pool.options, connect }, "");
  });
  after(async () => {
    await catalog?.[Symbol.asyncDispose]();
    await pool?.end();
    await server?.stop();
  });

  for (const [name, list] of Object.entries(listings)) {
    test(name, async (t) => {
      if (server === undefined) return t.skip("no PostgreSQL");
      asked.length = 0;
      const rows = await list(catalog.db);
      // three pages, so that those in the middle are asked for
      if (Symbol.asyncIterator in Object(rows)) {
        let left = 3500;
        for await (const _ of rows as AsyncIterable<unknown>) if (--left === 0) break;
        assert.equal(left < 3500, true, "the listing has rows");
      }
      for (const { text, values } of asked) {
        const explained = await pool.query<{ "QUERY PLAN": [{ Plan: Plan }] }>(`explain (format json) ${text}`, values);
        const scans = nodesOf(explained.rows[0]!["QUERY PLAN"][0].Plan).filter(
          // to hash all packages is cheaper than to look up a thousand of twenty thousand
          (node) =>
            node["Node Type"] === "Seq Scan" && node["Plan Rows"] > 1000 && node["Relation Name"] !== "packages",
        );
        assert.deepEqual(
          scans.map((node) => node["Relation Name"]),
          [],
          text,
        );
      }
    });
  }
});

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
