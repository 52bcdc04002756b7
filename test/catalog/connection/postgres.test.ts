import assert from "node:assert/strict";
import { onDatabases, onEachDatabase } from "../../support/databases.ts";

onEachDatabase(
  "schema",
  (database) => {
    database.test(
      "init creates it, a second init changes nothing, and a newer schema is refused",
      async (_t, place) => {
        await place.run("init");
        assert.partialDeepStrictEqual((await place.run("init", "--json")).json(), { applied: [] });
        const { version, newest = 0 } = (await place.run("db", "status", "--json")).json() as Record<string, number>;
        assert.equal(version, newest);
        await place.rows(
          `insert into feedctl.schema_migrations (version, name) values (${newest + 1}, 'from the future')`,
        );
        for (const command of [["feed", "list"], ["init"], ["db", "migrate"]]) {
          const { stderr } = await place.exits(2, ...command);
          assert.match(
            stderr,
            new RegExp(`schema is version ${newest + 1}, this feedctl knows only ${newest}\nhint: update feedctl`),
          );
        }
        assert.match((await place.run("db", "status")).stdout, /newer than this feedctl/);
      },
    );
  },
  { empty: true },
);

onDatabases(
  "a server",
  ["PostgreSQL"],
  (database) => {
    database.test("two processes that set up one empty database both succeed", async (_t, place) => {
      const create = (name: string) => place.feedctl(["feed", "create", name, "--type", "npm"]);
      for (const { code, stderr } of await Promise.all([create("one"), create("two")])) assert.equal(code, 0, stderr);
      assert.equal(((await place.run("feed", "list", "--json")).json() as unknown[]).length, 2);
    });

    database.test(
      "dead, with a wrong user, without the database, or with a wrong URL: each its own error",
      async (_t, place) => {
        const url = (change: (url: URL) => void) => {
          const changed = new URL(place.env["FEEDCTL_DATABASE_URL"]!);
          changed.password = "hidden-word";
          change(changed);
          return changed.href;
        };
        const cases: [string, number, RegExp][] = [
          [url((each) => (each.port = "9")), 7, /catalog cannot be reached/],
          [url((each) => (each.hostname = "no-such-host.invalid")), 7, /catalog cannot be reached/],
          [url((each) => (each.username = "nobody")), 6, /catalog refused the login/],
          [url((each) => (each.pathname = "/no-such-database")), 4, /database is missing/],
          ["postgres://user:hidden-word@[nonsense", 2, /database URL cannot be read/],
        ];
        for (const [FEEDCTL_DATABASE_URL, code, words] of cases) {
          const result = await place.feedctl(["feed", "list"], { env: { FEEDCTL_DATABASE_URL, FEEDCTL_DEBUG: "1" } });
          assert.equal(result.code, code, result.stderr);
          assert.match(result.stderr, words);
          assert.match(result.stderr, /\nhint: /);
          assert.doesNotMatch(result.stderr, /hidden-word|bug in feedctl/);
        }
        assert.doesNotMatch((await place.run("db", "status")).stdout, /hidden-word/);
      },
    );
  },
  { empty: true },
);
