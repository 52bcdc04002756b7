import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
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

  function at(bucket: string): string[] {
    const { endpoint = "", accessKey = "", secretKey = "" } = server ?? {};
    const keys = ["--access-key", accessKey, "--secret-key", secretKey];
    return ["--bucket", bucket, "--endpoint", endpoint, "--path-style", ...keys];
  }

  async function versioned({ client, createBucket }: S3Server, bucket: string): Promise<void> {
    await createBucket(bucket);
    await client.putBucketVersioning({ Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } });
  }

  async function feedIn(place: Installation, bucket: string, type: string): Promise<S3Server | undefined> {
    if (server === undefined) return undefined;
    await versioned(server, bucket);
    await place.run("feed", "create", "web", "--type", type);
    const set = await place.run("store", "set", "web", "s3", ...at(bucket));
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
    const deletes = async (...args: string[]) => {
      const { stdout, stderr } = await place.run(...args, "--json");
      assert.match(stderr, says, args.join(" "));
      const result = JSON.parse(stdout.trimEnd().split("\n").at(-1)!) as object;
      assert.partialDeepStrictEqual(result, { keptBlobs: 1, keptBy: "versioning", keptUntil: null }, args.join(" "));
    };
    await place.run("import", "web", ...writePackages(place.path("in"), 2));
    const [first] = (await place.run("package", "list", "web", "--json")).json() as { name: string; version: string }[];
    await deletes("package", "delete", "web", `${first!.name}@${first!.version}`, "--yes");
    await versioned(s3, "cancelled");
    await place.run("migrate", "run", "web", "--to", "s3", ...at("cancelled"), "--cutover", "manual");
    await deletes("migrate", "cancel", "web");
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("disk"));
    await deletes("migrate", "retire", "web", "--yes");
    const back = await place.run("feed", "delete", "web", "--purge-files", "--yes", "--json");
    assert.doesNotMatch(back.stderr, /kept by the provider/);
    assert.partialDeepStrictEqual(back.json(), { keptBlobs: 0, keptBy: null, keptUntil: null });

    await place.run("feed", "create", "files", "--type", "asset");
    await place.run("store", "set", "files", "s3", ...at("deleted"), "--target-path", "files");
    mkdirSync(place.path("up"));
    for (const name of ["one", "two", "three"]) writeFileSync(place.path("up", name), name);
    const upload = ["asset", "upload", "files", `${place.path("up")}/`, "--recursive"];
    await place.run(...upload);
    await deletes("asset", "delete", "files", "one", "--yes");
    await deletes("asset", "move", "files", "two", "deux");
    rmSync(place.path("up", "one"));
    rmSync(place.path("up", "two"));
    await deletes("asset", "sync", place.path("up"), "files", "--yes", "--max-delete", "100%");
    await place.run("asset", "versioning", "files", "on");
    writeFileSync(place.path("up", "three"), "changed");
    await place.run(...upload, "--overwrite");
    await deletes("asset", "history", "files", "--prune", "--yes");
    await s3.client.putObject({ Bucket: "deleted", Key: "loose/extra", Body: "x" });
    const where = at("deleted")
      .slice(2)
      .map((option) => option.replace(/^--/, "--target-"));
    await deletes("mirror", place.path("up"), "s3://deleted/loose", ...where, "--yes", "--max-delete", "100%");
    await deletes("feed", "delete", "files", "--purge-files", "--yes");
  });

  database.test("a bucket that locks every object is not probed, and says how long", async (t, place) => {
    if (server === undefined) return t.skip(none);
    const { client } = server;
    await client.createBucket({ Bucket: "locked", ObjectLockEnabledForBucket: true });
    const rule = { DefaultRetention: { Mode: "GOVERNANCE", Days: 1 } } as const;
    await client.putObjectLockConfiguration({
      Bucket: "locked",
      ObjectLockConfiguration: { ObjectLockEnabled: "Enabled", Rule: rule },
    });
    await place.run("feed", "create", "web", "--type", "asset");
    await place.run("store", "set", "web", "s3", ...at("locked"), "--storage-class", "STANDARD");
    mkdirSync(place.path("in"));
    writeFileSync(place.path("in", "a"), "a");
    await place.run("asset", "upload", "web", place.path("in", "a"));
    assert.match((await place.run("store", "refresh", "web")).stdout, /lock: {6}governance, 1 day for every blob/);
    assert.deepEqual(await versionsIn(server, "locked"), [".feedctl-store", "a"]);
  });
});
