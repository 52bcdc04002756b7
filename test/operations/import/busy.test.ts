import assert from "node:assert/strict";
import { openPostgres } from "../../../src/catalog/connection/open-postgres.ts";
import type { Context } from "../../../src/operations/context.ts";
import { importPackages } from "../../../src/operations/import/import.ts";
import { openStore } from "../../../src/stores/providers.ts";
import type { Store } from "../../../src/stores/store.ts";
import { onDatabases } from "../../support/databases.ts";
import { holdLock } from "../../support/hold-lock.ts";
import { writePackages } from "../../support/package-set.ts";

const LOCK_WAIT = 30_000;

onDatabases("a package that another run imports at the same time", ["PostgreSQL"], (database) => {
  database.test("is waited for after the rest of the batch is stored, however long that takes", async (t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("feed", "create", "other", "--type", "npm");
    await place.run("store", "set", "web", "disk", "--path", place.path("store"));
    const paths = writePackages(place.path("in"), 2);
    // the key of pack-000 is announced by a run that is alive
    await place.run("import", "other", paths[0]!);
    const [run] = await place.rows("select max(id)::int as id from feedctl.runs");
    await place.rows(`insert into feedctl.pending_writes (store_id, key, sha256, run_id, created_at)
      select s.id, f.key, f.sha256, ${Number(run!["id"])}, now() from feedctl.files f, feedctl.stores s
      where s.feed_id = 1 and s.role = 'current'`);
    const url = place.env["FEEDCTL_DATABASE_URL"]!;
    const other = await holdLock(url, { kind: "run", id: Number(run!["id"]) });

    let ended = false;
    let elapsed = 0;
    const clock = performance.now.bind(performance);
    t.mock.method(performance, "now", () => clock() + elapsed);
    await using catalog = await openPostgres(url);
    const context: Partial<Context> = {
      catalog: async () => catalog,
      signal: new AbortController().signal,
      now: () => new Date(),
      clockAhead: async () => 0,
      actor: "test",
      host: "test",
      pid: 1,
      lockWait: LOCK_WAIT,
      dataDir: place.data,
      platform: "linux",
      env: () => undefined,
      concurrency: 2,
      configuredSettings: new Map(),
      notice: () => {},
      async openStore(config): Promise<Store> {
        const store = await openStore(config);
        const put: Store["put"] = async (...parameters) => {
          const result = await store.put(...parameters);
          // storing took longer than the wait for others, and only now the other run ends
          elapsed += 2 * LOCK_WAIT;
          if (!ended) await other[Symbol.asyncDispose]();
          ended = true;
          return result;
        };
        return { ...store, put };
      },
    };
    const events = await Array.fromAsync(importPackages(context as Context, { feeds: ["web"], paths, cwd: "/" }));
    assert.partialDeepStrictEqual(events.at(-1), { type: "summary", imported: 2, failed: 0 });
  });
});
