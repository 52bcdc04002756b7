import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, before } from "node:test";
import { onDatabases, type Installation } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";
import { findInstalled } from "../../support/server-binaries.ts";
import { startOwnS3, type S3Server } from "../../support/s3-server.ts";

const binary = findInstalled("versitygw");

/** Names of the objects with versions, delete markers included. */
async function versionsIn({ client }: S3Server, Bucket: string): Promise<string[]> {
  const { Versions = [], DeleteMarkers = [] } = await client.listObjectVersions({ Bucket });
  return [...Versions, ...DeleteMarkers].map(({ Key = "" }) => Key).sort();
}

onDatabases("a bucket that keeps versions", ["PostgreSQL"], (database) => {
  let server: S3Server | undefined;
  before(async () => void (server = binary === undefined ? undefined : await startOwnS3(binary, { versions: true })));
  after(() => server?.stop());

  async function feedIn(place: Installation, bucket: string, type: string): Promise<S3Server | undefined> {
    if (server === undefined) return undefined;
    const { endpoint, accessKey, secretKey, client } = server;
    await server.createBucket(bucket);
    await client.putBucketVersioning({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } });
    await place.run("feed", "create", "web", "--type", type);
    const at = ["--bucket", bucket, "--endpoint", endpoint, "--path-style"];
    const keys = ["--access-key", accessKey, "--secret-key", secretKey];
    const set = await place.run("store", "set", "web", "s3", ...at, ...keys);
    assert.match(set.stderr, /versions: {2}on/);
    return server;
  }
  const none = "versitygw is not installed";

  database.test("probes leave no version; the store is asked, and remembers", async (t, place) => {
    const s3 = await feedIn(place, "probed", "npm");
    if (s3 === undefined) return t.skip(none);
    const test = await place.run("store", "test", "web");
    assert.match(test.stderr, /versions: {2}on/);
    assert.deepEqual(await versionsIn(s3, "probed"), [".feedctl-store"]);
    const shown = (await place.run("store", "show", "web", "--json")).json() as { traits: unknown; askedAt: string };
    assert.partialDeepStrictEqual(shown.traits, { versioning: "on", lock: { mode: "off" }, conditionalCreate: true });

    await s3.client.putBucketVersioning({ Bucket: "probed", VersioningConfiguration: { Status: "Suspended" } });
    assert.match((await place.run("store", "show", "web")).stdout, /versions: {2}on/);
    assert.match((await place.run("store", "refresh", "web")).stdout, /versions: {2}suspended/);
    assert.match((await place.run("store", "show", "web")).stdout, /versions: {2}suspended/);
    assert.deepEqual(await versionsIn(s3, "probed"), [".feedctl-store"]);
  });

  database.test("retention says what is kept, not that it is free; usage counts it", async (t, place) => {
    const s3 = await feedIn(place, "retained", "npm");
    if (s3 === undefined) return t.skip(none);
    await place.run("import", "web", ...writePackages(place.path("in"), 4));
    await place.run("retention", "rule", "add", "web", "--delete-versions", "*");
    const full = (await place.run("store", "usage", "web", "--json")).json() as { store: { bytes: number } };
    const run = (await place.run("retention", "run", "web", "--yes", "--max-delete", "100%", "--json"))
      .events()
      .at(-1)!;
    assert.partialDeepStrictEqual(run, {
      blobs: 4,
      bytes: 0,
      keptBytes: full.store.bytes,
      keptBy: "versioning",
      keptUntil: null,
    });
    const usage = (await place.run("store", "usage", "web", "--json")).json();
    assert.partialDeepStrictEqual(usage, { store: { blobs: 0 }, kept: { blobs: 4, bytes: full.store.bytes } });
    await place.run("import", "web", ...writePackages(place.path("in"), 1));
    const said = await place.run("retention", "run", "web", "--yes", "--max-delete", "100%");
    assert.match(said.stdout, /0 B reclaimed, [\d.]+ \w+ kept by the provider \(versioning\) until somebody deletes/);
  });

  database.test("every command that deletes says what the provider keeps", async (t, place) => {
    const s3 = await feedIn(place, "deleted", "npm");
    if (s3 === undefined) return t.skip(none);
    const says = /1 deleted blob of s3:.*: kept by the provider \(versioning\) until somebody deletes/;
    await place.run("import", "web", ...writePackages(place.path("in"), 2));
    const [first] = (await place.run("package", "list", "web", "--json")).json() as { name: string; version: string }[];
    const spec = `${first!.name}@${first!.version}`;
    assert.match((await place.run("package", "delete", "web", spec, "--yes")).stderr, says);
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("disk"));
    assert.match((await place.run("migrate", "retire", "web", "--yes")).stderr, says);
    const back = await place.run("feed", "delete", "web", "--purge-files", "--yes");
    assert.doesNotMatch(back.stderr, /kept by the provider/);
  });

  database.test("a bucket that locks every object is not probed, and says how long", async (t, place) => {
    if (server === undefined) return t.skip(none);
    const { client, endpoint, accessKey, secretKey } = server;
    await client.createBucket({ Bucket: "locked", ObjectLockEnabledForBucket: true });
    const rule = { DefaultRetention: { Mode: "GOVERNANCE", Days: 3 } } as const;
    await client.putObjectLockConfiguration({
      Bucket: "locked",
      ObjectLockConfiguration: { ObjectLockEnabled: "Enabled", Rule: rule },
    });
    await place.run("feed", "create", "web", "--type", "asset");
    const at = ["--bucket", "locked", "--endpoint", endpoint, "--path-style", "--storage-class", "STANDARD"];
    await place.run("store", "set", "web", "s3", ...at, "--access-key", accessKey, "--secret-key", secretKey);
    mkdirSync(place.path("in"));
    writeFileSync(place.path("in", "a"), "a");
    await place.run("asset", "upload", "web", place.path("in", "a"));
    assert.match((await place.run("store", "refresh", "web")).stdout, /lock: {6}governance, 3 days for every blob/);
    assert.deepEqual(await versionsIn(server, "locked"), [".feedctl-store", "a"]);
  });
});
