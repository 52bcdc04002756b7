import assert from "node:assert/strict";
import { existsSync, mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openPostgres } from "../../../src/catalog/connection/open-postgres.ts";
import type { Context } from "../../../src/operations/context.ts";
import { retireStores } from "../../../src/operations/migrate/retire.ts";
import { openStore } from "../../../src/stores/providers.ts";
import { undeletable } from "../../support/failing-store.ts";
import { testContext } from "../../support/mirror.ts";
import { findingsOf } from "../../support/findings.ts";
import { onDatabases, type Installation } from "../../support/databases.ts";

interface Shown {
  waiting: { deletes: number; failed: { key: string; attempts: number; reason: string; nextTry: string }[] };
}

const held = ["held/a", "held/b"];
const free = ["free/c", "free/d", "free/e"];

/** An asset directory with files in two folders, on a disk. */
async function prepare(place: Installation): Promise<void> {
  await place.run("feed", "create", "files", "--type", "asset");
  await place.run("store", "set", "files", "disk", "--path", place.path("store"));
  for (const path of [...held, ...free]) {
    mkdirSync(join(place.path("in"), path, ".."), { recursive: true });
    writeFileSync(join(place.path("in"), path), path);
  }
  await place.run("asset", "upload", "files", place.path("in") + "/", "--recursive", "--quiet");
}

/** The store refuses to delete in a folder that is a symbolic link, as it does with an immutable file. */
function hold(place: Installation): void {
  renameSync(place.path("store", "held"), place.path("elsewhere"));
  symlinkSync(place.path("elsewhere"), place.path("store", "held"));
}

function release(place: Installation): void {
  unlinkSync(place.path("store", "held"));
  renameSync(place.path("elsewhere"), place.path("store", "held"));
}

const shown = async (place: Installation) => (await place.run("store", "show", "files", "--json")).json() as Shown;
const isStored = (place: Installation, path: string) => existsSync(place.path("store", path));

onDatabases("blobs that a store does not delete", ["PostgreSQL"], (database) => {
  database.test("wait one by one, with reason and next try, and stop no other deletion", async (_t, place) => {
    await prepare(place);
    hold(place);
    const deleted = await place.exits(3, "asset", "delete", "files", "held/a", "free/c", "--yes");
    assert.match(deleted.stderr, /warning: the blob "held\/a" of feed "files" was not deleted: .*symbolic link/);
    assert.equal(isStored(place, "free/c"), false, "the others are deleted");
    const [first, ...more] = (await shown(place)).waiting.failed;
    assert.partialDeepStrictEqual(first, { key: "held/a", attempts: 1 });
    assert.match(first!.reason, /symbolic link/);
    const wait = Date.parse(first!.nextTry) - Date.now();
    assert.ok(wait > 60_000 && wait <= 300_000, `the next try is in ${wait} ms`);
    assert.deepEqual(more, []);

    await place.run("asset", "delete", "files", "free/d", "--yes");
    assert.equal(isStored(place, "free/d"), false);
    assert.equal((await shown(place)).waiting.failed[0]?.attempts, 1, "it is not due yet");

    await place.rows("update feedctl.pending_deletes set next_try = now() - interval '1 second'");
    await place.exits(3, "asset", "delete", "files", "held/b", "free/e", "--yes");
    assert.equal(isStored(place, "free/e"), false);
    assert.equal((await shown(place)).waiting.failed[0]?.attempts, 2);
  });

  database.test("do not change the status of later commands that change other files", async (_t, place) => {
    await prepare(place);
    hold(place);
    await place.exits(3, "asset", "delete", "files", "held/a", "--yes");
    writeFileSync(place.path("in", "free/c"), "changed");
    const [up, sync] = [place.path("up"), place.path("in", "free")];
    writeFileSync(up, "new");
    for (const command of [
      ["upload", "files", up, "--to", "up"],
      ["sync", sync, "files", "--to", "free", "--yes"],
      ["move", "files", "free/c", "moved"],
      ["delete", "files", "free/d", "--yes"],
    ]) {
      await place.rows("update feedctl.pending_deletes set next_try = now() - interval '1 second'");
      const { stderr } = await place.run("asset", ...command);
      assert.match(stderr, /"held\/a" of feed "files" was not deleted/, `${command[0]} has tried it again`);
    }
  });

  database.test("are listed by verify, which is sound, and deleted by --repair", async (_t, place) => {
    await prepare(place);
    hold(place);
    await place.exits(3, "asset", "delete", "files", ...held, "free/c", "--yes");
    await place.exits(3, "verify", "files", "--repair");
    release(place);
    const listed = await place.run("verify", "files", "--json");
    assert.partialDeepStrictEqual(listed.summary(), { match: 2, pending: 2, missingRow: 0 });
    assert.match(
      findingsOf(listed),
      /pending: held\/a: was not deleted: .*symbolic link.*; it is tried again after 20/,
    );
    assert.match((await place.run("verify", "files")).stdout, /; 2 to be deleted/);
    assert.partialDeepStrictEqual((await place.run("verify", "files", "--repair", "--json")).summary(), {
      match: 2,
      pending: 0,
      repaired: 2,
    });
    assert.deepEqual((await shown(place)).waiting, { deletes: 0, failed: [] });
    assert.equal(isStored(place, "held/a"), false);
  });

  database.test("do not keep a feed in its store, and are not copied", async (_t, place) => {
    await prepare(place);
    hold(place);
    await place.exits(3, "asset", "delete", "files", "held", "free/c", "--recursive", "--yes");
    release(place);
    await place.run("migrate", "run", "files", "--to", "disk", "--path", place.path("next"));
    assert.equal(existsSync(place.path("next", "held/a")), false);
    assert.partialDeepStrictEqual((await place.run("verify", "files", "--read", "--json")).summary(), {
      match: 2,
      missingRow: 0,
      pending: 0,
    });
    const retired = (await place.run("migrate", "retire", "files", "--yes", "--json")).summary();
    assert.partialDeepStrictEqual(retired, { deleted: 4, kept: 0, failed: 0 });
    assert.equal(isStored(place, "held/a"), false);
  });

  database.test("keep an old store from being retired until they can be deleted", async (_t, place) => {
    await prepare(place);
    await place.run("migrate", "run", "files", "--to", "disk", "--path", place.path("next"));
    await using catalog = await openPostgres(String(place.env["FEEDCTL_DATABASE_URL"]));
    let locked = true;
    const context: Context = {
      ...testContext(place.data, {
        openStore: async (config) => undeletable(await openStore(config), (key) => locked && key === "held/a"),
      }),
      catalog: async () => catalog,
    };
    const first = await Array.fromAsync(retireStores(context, "files"));
    assert.deepEqual(
      first.filter(({ type }) => type === "failed"),
      [{ type: "failed", key: "held/a", reason: "the test locked held/a" }],
    );
    assert.partialDeepStrictEqual(first.at(-1), { deleted: 4, kept: 0, failed: 1 });
    assert.equal(isStored(place, "held/a"), true);
    locked = false;
    const second = await Array.fromAsync(retireStores(context, "files"));
    assert.partialDeepStrictEqual(second.at(-1), { retired: false, deleted: 1, failed: 0 });
    assert.partialDeepStrictEqual((await Array.fromAsync(retireStores(context, "files"))).at(-1), { retired: true });
  });
});
