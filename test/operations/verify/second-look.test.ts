import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listFiles } from "../../../src/catalog/files.ts";
import { openPostgres } from "../../../src/catalog/connection/open-postgres.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { openStore } from "../../../src/stores/providers.ts";
import type { Store } from "../../../src/stores/store.ts";
import { requireFeed } from "../../../src/operations/feed-store/find-feed.ts";
import { requireStore } from "../../../src/operations/feed-store/open-feed-store.ts";
import { examine, type Examination, type ListedPair } from "../../../src/operations/verify/examine.ts";
import { onDatabases, type Installation } from "../../support/databases.ts";
import { testContext } from "../../support/mirror.ts";

interface Prepared extends AsyncDisposable {
  examination: Examination;
  /** What the two listings have at the path `f` now. */
  pair(): Promise<ListedPair>;
  /** Uploads content to the path `f`. */
  upload(content: string): Promise<void>;
}

async function prepare(place: Installation, wrap = (store: Store) => store): Promise<Prepared> {
  await place.run("feed", "create", "files", "--type", "asset");
  await place.run("store", "set", "files", "disk", "--path", place.path("store"));
  const upload = async (content: string) => {
    mkdirSync(place.path("in"), { recursive: true });
    writeFileSync(place.path("in", "f"), content);
    await place.run("asset", "upload", "files", place.path("in", "f"), "--overwrite", "--quiet");
  };
  await upload("one");
  const catalog = await openPostgres(String(place.env["FEEDCTL_DATABASE_URL"]));
  const feed = await requireFeed(catalog.db, "files");
  const { id: storeId } = await requireStore(catalog.db, feed);
  const store = wrap(await openStore({ type: "disk", path: place.path("store") }));
  const context = { ...testContext(place.data, {}), catalog: async () => catalog };
  return {
    examination: { context, db: catalog.db, feed, storeId, store, read: true, accompanies: () => false },
    async pair() {
      const blob = await store.head(parseKey("f"));
      const row = (await Array.fromAsync(listFiles(catalog.db, feed.id))).find(({ key }) => key === "f");
      return { key: "f", ...(row && { row }), ...(blob && { blob }) };
    },
    upload,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await catalog[Symbol.asyncDispose]();
    },
  };
}

const match = { size: 3 };

onDatabases("a difference between two listings", ["PostgreSQL"], (database) => {
  database.test("is no finding when the file was deleted, stored or replaced in the meantime", async (_t, place) => {
    await using prepared = await prepare(place);
    const { examination, pair, upload } = prepared;
    const { row, blob } = await pair();
    assert.ok(row !== undefined && blob !== undefined);

    await upload("two");
    assert.partialDeepStrictEqual(await examine(examination, { key: "f", row, blob }), match, "it was replaced");
    assert.partialDeepStrictEqual(await examine(examination, { key: "f", row }), match, "its blob came later");
    assert.partialDeepStrictEqual(await examine(examination, { key: "f", blob }), match, "its row came later");

    await place.run("asset", "delete", "files", "f", "--yes");
    for (const stale of [{ row, blob }, { row }, { blob }])
      assert.equal(await examine(examination, { key: "f", ...stale }), undefined, "it was deleted");
  });

  database.test("is no finding when the row changes while the blob is compared", async (_t, place) => {
    let meanwhile = async () => {};
    await using prepared = await prepare(place, (store) => ({
      ...store,
      async get(key, options) {
        await meanwhile();
        return store.get(key, options);
      },
    }));
    const { examination, pair, upload } = prepared;
    const { row } = await pair();
    await upload("two");
    let replaced = 0;
    meanwhile = async () => {
      if (replaced++ < 2) await upload(`${replaced} x`);
    };
    assert.partialDeepStrictEqual(await examine(examination, { key: "f", ...(row && { row }) }), match);
    assert.ok(replaced > 2, "the row changed during the second look and the third");
  });

  database.test("is no finding while a run is storing or deleting the blob", async (_t, place) => {
    await using prepared = await prepare(place);
    const { examination, pair } = prepared;
    await using elsewhere = await openPostgres(String(place.env["FEEDCTL_DATABASE_URL"]));
    const { blob } = await pair();
    const stray: ListedPair = { key: "f", ...(blob && { blob }) };
    await place.rows("delete from feedctl.assets where true");
    await place.rows("delete from feedctl.files");
    const run = Number((await place.rows("select max(id)::int as id from feedctl.runs"))[0]?.["id"]);
    const tables = { pending_writes: "sha256, ", pending_deletes: "" };
    for (const [table, hash] of Object.entries(tables)) {
      await place.rows(`insert into feedctl.${table} (store_id, key, ${hash}run_id, created_at)
        values (${examination.storeId}, 'f', ${hash && "'\\x00', "}${run}, now())`);
      {
        await using lock = await elsewhere.lock({ kind: "run", id: run, mode: "exclusive" });
        assert.ok(lock !== undefined);
        assert.equal(await examine(examination, stray), undefined, `${table} of a live run`);
      }
      const left = await examine(examination, stray);
      const expected = table === "pending_writes" ? "missing-row" : "pending";
      assert.partialDeepStrictEqual(left, { finding: expected }, `${table} of a dead run`);
      await place.rows(`delete from feedctl.${table}`);
    }
    assert.partialDeepStrictEqual(await examine(examination, stray), { finding: "missing-row" });
  });

  database.test("is a finding when it is still there", async (_t, place) => {
    await using prepared = await prepare(place);
    const { examination, pair } = prepared;
    writeFileSync(join(place.path("store"), "f"), "odd");
    assert.partialDeepStrictEqual(await examine(examination, await pair()), { finding: "differ" });
    writeFileSync(join(place.path("store"), "f"), "longer");
    assert.partialDeepStrictEqual(await examine(examination, await pair()), { finding: "differ" });
    rmSync(join(place.path("store"), "f"));
    assert.partialDeepStrictEqual(await examine(examination, await pair()), { finding: "missing-blob" });
  });

  database.test("ends the verification when the feed got another store", async (_t, place) => {
    await using prepared = await prepare(place);
    const { examination, pair } = prepared;
    const before = await pair();
    await place.run("migrate", "run", "files", "--to", "disk", "--path", place.path("next"));
    writeFileSync(join(place.path("store"), "f"), "changed");
    await assert.rejects(examine(examination, { ...before, ...(await pair()) }), /got another store/);
  });
});
