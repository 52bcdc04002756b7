import assert from "node:assert/strict";
import { test } from "node:test";
import { PGlite } from "@electric-sql/pglite";
import { migrations } from "../../../src/catalog/migrations/index.ts";

test("files from before uploaded_at existed get the newest known time of their bytes", async () => {
  await using pglite = await PGlite.create();
  await pglite.exec("create schema feedctl");
  const at = migrations.findIndex(({ name }) => name === "asset retention");
  for (const { sql } of migrations.slice(0, at)) await pglite.exec(sql);
  const file = (key: string, verified: string) =>
    `insert into feedctl.files (feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, created_at, verified_at)
     values (1, '', '${key}', 1, '', '', '', '', '', '2024-01-01T00:00:00Z', ${verified});
     insert into feedctl.assets (file_id, created_at, modified_at, uploaded_by)
     select id, '2001-01-01T00:00:00Z', '2001-01-01T00:00:00Z', 'x' from feedctl.files where key = '${key}';`;
  await pglite.exec(`insert into feedctl.feeds (name, type, created_at) values ('files', 'asset', now());
    ${file("uploaded", "null")} ${file("overwritten", "'2025-01-01T00:00:00Z'")}`);
  for (const { sql } of migrations.slice(at)) await pglite.exec(sql);
  const { rows } = await pglite.query<{ key: string; at: Date; downloads: number }>(
    "select f.key, a.uploaded_at as at, a.downloads::int as downloads from feedctl.files f join feedctl.assets a on a.file_id = f.id order by 1",
  );
  assert.deepEqual(rows, [
    { key: "overwritten", at: new Date("2025-01-01T00:00:00Z"), downloads: 0 },
    { key: "uploaded", at: new Date("2024-01-01T00:00:00Z"), downloads: 0 },
  ]);
});
