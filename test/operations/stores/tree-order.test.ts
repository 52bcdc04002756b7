import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { after, before } from "node:test";
import { onDatabases, type Installation } from "../../support/databases.ts";
import type { S3Server } from "../../support/s3-server.ts";
import { noWeed, startWeed } from "../../support/weed.ts";

/** Keys that SeaweedFS lists in another order than that of their bytes. */
const names = ["left/a", "left-pad/a", "left.js", "left/deep/one", "left!/b", "Zebra", "z"];

function writeFiles(place: Installation): void {
  for (const name of names) {
    const path = place.path("in", ...name.split("/"));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `content of ${name}`);
  }
}

onDatabases("a server that lists in tree order", ["PostgreSQL"], (database) => {
  let server: S3Server | undefined;
  before(async () => void (server = await startWeed()));
  after(() => server?.stop());

  const at = (bucket: string) => [
    ...["--bucket", bucket, "--endpoint", server!.endpoint, "--path-style"],
    ...["--access-key", server!.accessKey, "--secret-key", server!.secretKey],
  ];

  database.test("a feed moves there, is verified, and comes back; its files there are retired", async (t, place) => {
    if (server === undefined) return t.skip(String(noWeed));
    await server.createBucket("migrated");
    writeFiles(place);
    await place.run("feed", "create", "site", "--type", "asset");
    await place.run("asset", "upload", "site", place.path("in"), "--recursive");
    await place.run("migrate", "run", "site", "--to", "s3", ...at("migrated"));
    const listed = (await server.client.listObjectsV2({ Bucket: "migrated" })).Contents ?? [];
    const order = listed.map(({ Key = "" }) => Key);
    assert.ok(
      order.indexOf("in/left/a") < order.indexOf("in/left-pad/a"),
      `it lists in byte order now: ${order.join()}`,
    );

    await place.run("verify", "site");
    const usage = (await place.run("store", "usage", "site", "--json")).json() as { store: { blobs: number } };
    assert.equal(usage.store.blobs, names.length);
    const { traits } = (await place.run("store", "show", "site", "--json")).json() as {
      traits: { sortedList: boolean };
    };
    assert.equal(traits.sortedList, false);
    assert.match((await place.run("store", "test", "site")).stderr, /not in byte order/);

    await place.run("migrate", "rollback", "site");
    await place.run("verify", "site");
    await place.run("migrate", "retire", "site", "--yes");
    assert.equal((await server.client.listObjectsV2({ Bucket: "migrated" })).Contents, undefined);
  });

  database.test("a mirror there copies, deletes its extras, and is a mirror the next time", async (t, place) => {
    if (server === undefined) return t.skip(String(noWeed));
    await server.createBucket("mirrored");
    writeFiles(place);
    const options = at("")
      .slice(2)
      .map((option) => option.replace(/^--/, "--target-"));
    const mirror = async (...more: string[]) => {
      const run = await place.run("mirror", place.path("in"), "s3://mirrored/site", ...options, "--json", ...more);
      return run.events().at(-1) as Record<string, number>;
    };
    assert.equal((await mirror())["copied"], names.length);
    assert.deepEqual([(await mirror())["copied"], (await mirror())["deleted"]], [0, 0]);
    for (const name of ["left-pad", "z"]) rmSync(place.path("in", name), { recursive: true });
    assert.equal((await mirror("--yes"))["deleted"], 2);
    const left = (await server.client.listObjectsV2({ Bucket: "mirrored", Prefix: "site/" })).Contents ?? [];
    assert.deepEqual(
      left.map(({ Key = "" }) => Key.slice(5)).sort(),
      names.filter((name) => name !== "left-pad/a" && name !== "z").sort(),
    );
  });
});
