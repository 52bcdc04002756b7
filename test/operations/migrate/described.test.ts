import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, before } from "node:test";
import { assetStores, proven, type AssetStores } from "../../support/asset-stores.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";

let stores: AssetStores;
before(async () => void (stores = await assetStores()));
after(() => stores[Symbol.asyncDispose]());

/** The properties that a cloud returns: content type, cache-control and the metadata `who`. */
async function served(place: Installation, directory: string, path: string): Promise<(string | null)[]> {
  const { url } = (await place.run("asset", "url", directory, path, "--json")).json() as { url: string };
  const { status, headers } = await fetch(url);
  assert.equal(status, 200, path);
  const who = headers.get("x-amz-meta-who") ?? headers.get("x-ms-meta-who");
  return [headers.get("content-type"), headers.get("cache-control"), who];
}

const migrated = async (place: Installation, ...args: string[]) =>
  (await place.run("migrate", ...args, "--json")).events().at(-1) as Record<string, unknown>;

onDatabases("assets described during a migration", ["PostgreSQL"], (database) => {
  const test = (name: string, body: (place: Installation) => Promise<void>) =>
    database.test(name, async (t) => {
      await using place = await database.install(stores.env);
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      return await body(place);
    });

  async function filled(place: Installation, kind: "disk" | "s3" | "azure"): Promise<string> {
    const dir = await stores.directory(place, kind, "files");
    for (const name of ["type", "cache", "meta", "again", "plain", "in", "large"])
      writeFileSync(place.path(name), name === "large" ? Buffer.alloc(9 * 1024 * 1024) : `content of ${name}`);
    const files = ["type", "cache", "meta", "again", "plain", "large"].map((name) => place.path(name));
    await place.run("asset", "upload", dir, ...files, "--content-type", "text/x-old");
    await place.run("asset", "upload", dir, place.path("in"), "--to", "folder", "--content-type", "text/x-old");
    return dir;
  }

  /** Changes all properties of files and none of their bytes. */
  async function describeAll(place: Installation, dir: string): Promise<void> {
    await place.run("asset", "set-type", dir, "type", "text/x-new");
    await place.run("asset", "set-type", dir, "large", "text/x-new");
    await place.run("asset", "set-cache", dir, "cache", "10m");
    await place.run("asset", "set-metadata", dir, "meta", "who=me");
    await place.run("asset", "set-cache", dir, "folder", "20m");
    await place.run("asset", "delete", dir, "again", "--yes");
    await place.run("asset", "upload", dir, place.path("again"), "--content-type", "text/x-again");
  }

  const wanted = {
    type: ["text/x-new", null, null],
    large: ["text/x-new", null, null],
    cache: ["text/x-old", "max-age=600", null],
    meta: ["text/x-old", null, "me"],
    "folder/in": ["text/x-old", "max-age=1200", null],
    again: ["text/x-again", null, null],
    plain: ["text/x-old", null, null],
  };

  async function check(place: Installation, dir: string): Promise<void> {
    for (const [path, what] of Object.entries(wanted)) assert.deepEqual(await served(place, dir, path), what, path);
    await proven(place, dir);
  }

  for (const [from, to] of [
    ["disk", "s3"],
    ["s3", "azure"],
    ["azure", "s3"],
  ] as const)
    test(`${from} to ${to}: properties that change after a blob was copied are updated`, async (place) => {
      const dir = await filled(place, from);
      const first = await migrated(
        place,
        "run",
        dir,
        "--to",
        ...stores.options(place, to, "to"),
        "--cutover",
        "manual",
      );
      assert.partialDeepStrictEqual(first, { outcome: "ready", copied: 7 });
      await describeAll(place, dir);
      const last = await migrated(place, "cutover", dir);
      assert.partialDeepStrictEqual(last, { outcome: "switched", failed: 0 });
      assert.ok(Number(last["bytes"]) < 1000, `only what was stored anew is sent: ${String(last["bytes"])} bytes`);
      await check(place, dir);
    });

  test("a delta pass updates properties before the cut-over, so that the freeze is short", async (place) => {
    const dir = await filled(place, "disk");
    await migrated(place, "run", dir, "--to", ...stores.options(place, "s3", "to"), "--cutover", "manual");
    await describeAll(place, dir);
    const delta = await migrated(place, "resume", dir);
    assert.partialDeepStrictEqual(delta, { outcome: "ready", failed: 0 });
    const rows = await place.rows(
      `select kind, copied + verified as done from feedctl.migration_passes order by number`,
    );
    const idle = await migrated(place, "resume", dir);
    assert.partialDeepStrictEqual(idle, { copied: 0, verified: 0 }, JSON.stringify(rows));
    await migrated(place, "cutover", dir);
    await check(place, dir);
  });

  test("a rollback copies properties back that changed since the switch", async (place) => {
    const dir = await filled(place, "s3");
    await migrated(place, "run", dir, "--to", ...stores.options(place, "disk", "to"));
    await describeAll(place, dir);
    await place.run("migrate", "rollback", dir);
    await check(place, dir);
  });

  test("properties that change while blobs are copied and switched are updated in every copy", async (place) => {
    const dir = await stores.directory(place, "disk", "files");
    mkdirSync(place.path("many"));
    for (let number = 0; number < 200; number++) writeFileSync(place.path(`many/${number}`), `content ${number}`);
    await place.run("asset", "upload", dir, `${place.path("many")}/`, "--content-type", "text/x-0");
    const migration = place.start(["migrate", "run", dir, "--to", ...stores.options(place, "s3", "to"), "--json"], {
      env: place.env,
    });
    const running = await migration;
    let type = 0;
    const until = running.finished.then(() => "over");
    while ((await Promise.race([until, Promise.resolve("on")])) === "on" && type < 100)
      await place.run("asset", "set-type", dir, "/", `text/x-${++type}`, "--recursive");
    const { code, stderr } = await running.finished;
    assert.equal(code, 0, stderr);
    assert.ok(type > 1, "there were changes meanwhile");
    for (let number = 0; number < 200; number += 7)
      assert.deepEqual(await served(place, dir, `${number}`), [`text/x-${type}`, null, null]);
    const [{ count } = {}] = await place.rows(`select count(*)::int as count from feedctl.files
      where content_type <> 'text/x-${type}'`);
    assert.equal(count, 0);
    await proven(place, dir);
  });

  test("a copy whose properties were updated is still the migration's own, and is deleted by a cancellation", async (place) => {
    const dir = await filled(place, "disk");
    // whose tags change when a blob is described
    await migrated(place, "run", dir, "--to", ...stores.options(place, "azure", "to"), "--cutover", "manual");
    await describeAll(place, dir);
    await migrated(place, "resume", dir);
    const cancelled = (await place.run("migrate", "cancel", dir, "--json")).json();
    assert.partialDeepStrictEqual(cancelled, { removed: 7, left: 0 });
    await proven(place, dir);
  });
});
