import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { startPostgres } from "./postgres.ts";

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test("a test server gives out empty databases and copies of a template", async (t) => {
  await using postgres = await startPostgres();
  if (postgres === undefined) return t.skip("no PostgreSQL on this machine");
  t.diagnostic(postgres.server);
  const template = await postgres.createDatabase();
  await query(template, "create table feed (name text)");
  const copy = await postgres.createDatabase(template);
  const empty = await postgres.createDatabase();
  assert.deepEqual(await query(copy, "select * from feed"), []);
  await assert.rejects(query(empty, "select * from feed"), { code: "42P01" });
});
