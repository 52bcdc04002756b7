import assert from "node:assert/strict";
import pg from "pg";
import { onDatabases, type Installation } from "../../support/databases.ts";
import { holdLock } from "../../support/hold-lock.ts";
import { writePackages } from "../../support/package-set.ts";
import { until } from "../../support/wait.ts";

/** A role of its own for each test: roles belong to the whole server. */
async function createRole(
  place: Installation,
): Promise<{ name: string; url: string; [Symbol.asyncDispose](): Promise<void> }> {
  const name = `other_${place.directory
    .slice(-6)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "_")}`;
  const url = new URL(place.env["FEEDCTL_DATABASE_URL"]!);
  const [database] = await place.rows("select current_database() as name");
  await place.rows(`create role "${name}" login password 'secret'`);
  await place.rows(`grant create, connect on database "${String(database!["name"])}" to "${name}"`);
  url.username = name;
  url.password = "secret";
  return {
    name,
    url: url.href,
    async [Symbol.asyncDispose]() {
      await place.rows(`drop owned by "${name}" cascade`);
      await place.rows(`drop role "${name}"`);
    },
  };
}

async function connect(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

onDatabases("other roles of the catalog's database", ["PostgreSQL"], (database) => {
  database.test(
    "one without rights cannot hold a lock, though it sees the numbers of all sessions",
    async (_t, place) => {
      await place.run("feed", "create", "web", "--type", "npm");
      writePackages(place.path("in"), 1);
      await using other = await createRole(place);
      await using client = await connect(other.url);
      await assert.rejects(client.query("select 1; lock table feedctl.locks"), /permission denied/);
      await assert.rejects(client.query("select * from feedctl.locks"), /permission denied/);
      const env = { FEEDCTL_LOCK_WAIT: "0" };
      const { pid } = (await client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows[0]!;
      {
        await using _held = await holdLock(place.env["FEEDCTL_DATABASE_URL"], { kind: "write", id: 1 });
        // it queues for the number of the session that holds the lock, and has it when that session has ended
        const { rows } = await client.query<{ number: string }>(
          "select ((classid::bigint << 32) | objid::bigint)::text as number from pg_locks where locktype = 'advisory' and objsubid = 1 and database = (select oid from pg_database where datname = current_database())",
        );
        assert.equal(rows.length, 1);
        assert.equal((await place.feedctl(["import", "web", place.path("in")], { env })).code, 75);
        void client.query(`select pg_advisory_lock(${rows[0]!.number})`).catch(() => {});
        const queued = `select from pg_locks where pid = ${pid} and locktype = 'advisory'`;
        await until("it waits", async () => (await place.rows(queued)).length > 0);
      }
      const taken = `select from pg_locks where pid = ${pid} and locktype = 'advisory' and granted`;
      await until("it has the number", async () => (await place.rows(taken)).length > 0);
      // the row of the ended session, as a session that was killed leaves it
      await place.rows(
        `insert into feedctl.locks (kind, object_id, mode, session, pid, role_id)
       select 'write', 1, 'exclusive', (classid::bigint << 32) | objid::bigint, pid, 10 from pg_locks
       where pid = ${pid} and locktype = 'advisory'`,
      );
      assert.equal((await place.feedctl(["import", "web", place.path("in")], { env })).code, 0);
    },
  );

  database.test("functions that it puts into the search path of others are not called", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    await using other = await createRole(place);
    await using client = await connect(other.url);
    await client.query("create schema planted");
    await client.query("create function planted.lower(text) returns text language sql as $$ select 'planted' $$");
    await client.query(`grant usage on schema planted to public`);
    const [{ name } = { name: "" }] = (await place.rows("select current_database() as name")) as { name: string }[];
    await place.rows(`alter database "${name}" set search_path = planted, pg_catalog`);
    assert.equal((await place.rows("select lower('WEB') as name"))[0]!["name"], "planted");
    assert.match((await place.run("feed", "show", "WEB")).stdout, /web/);
  });
});

onDatabases(
  "a schema that another role made",
  ["PostgreSQL"],
  (database) => {
    database.test("is refused, as are its functions and triggers; its owner may use it", async (_t, place) => {
      await using other = await createRole(place);
      const own = { env: { FEEDCTL_DATABASE_URL: other.url } };
      await using client = await connect(other.url);
      assert.equal((await place.feedctl(["init"], own)).code, 0);
      const refused = async (what: string) => {
        const { stderr } = await place.exits(6, "feed", "create", "web", "--type", "npm");
        assert.match(stderr, new RegExp(`the catalog's ${what} belongs to role "${other.name}"`));
      };
      await refused("schema feedctl");
      assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"], own)).code, 0);

      await place.rows("alter schema feedctl owner to current_user");
      await refused("relation feedctl\\.[a-z_]+");
      for (const { name } of await place.rows(
        "select relname as name from pg_class where relnamespace = 'feedctl'::regnamespace and relkind = 'r'",
      ))
        await place.rows(`alter table feedctl."${String(name)}" owner to current_user`);
      await place.run("feed", "list");

      await client.query("create schema planted");
      await client.query("create function planted.t() returns trigger language plpgsql as $$ begin return new; end $$");
      await place.rows(
        `create trigger planted before insert on feedctl.feeds for each row execute function planted.t()`,
      );
      await refused("trigger planted of feedctl.feeds");
    });

    database.test("is enough for a role that may make none, if the role owns it", async (_t, place) => {
      await using other = await createRole(place);
      const own = { env: { FEEDCTL_DATABASE_URL: other.url } };
      const [{ name } = { name: "" }] = (await place.rows("select current_database() as name")) as { name: string }[];
      await place.rows(`revoke create on database "${name}" from "${other.name}"`);
      const { code, stderr } = await place.feedctl(["init"], own);
      assert.equal(code, 6);
      assert.match(stderr, /hint: an administrator makes the schema once: create schema feedctl authorization USER/);
      await place.rows(`create schema feedctl authorization "${other.name}"`);
      assert.equal((await place.feedctl(["init"], own)).code, 0);
      assert.equal((await place.feedctl(["feed", "create", "web", "--type", "npm"], own)).code, 0);

      await place.rows(`revoke temporary on database "${name}" from public`);
      const refused = await place.feedctl(["retention", "plan", "web"], own);
      assert.equal(refused.code, 6);
      assert.match(refused.stderr, /hint: an administrator grants it: grant temporary on database/);
    });
  },
  { empty: true },
);
