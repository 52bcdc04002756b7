// The guards compare the places that are really used: the endpoint may come from the environment, and one server may
// have two names.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { onDatabases } from "../../support/databases.ts";
import { keysIn, type MigrationPlace, describeMigrations } from "../../support/migrations.ts";

/** An asset directory `live` with two files in the bucket below `feed`. */
async function prepare(place: MigrationPlace): Promise<void> {
  mkdirSync(place.path("in"));
  for (const name of ["a", "b"]) writeFileSync(place.path("in", name), name);
  await place.run("feed", "create", "live", "--type", "asset");
  await place.run("store", "set", "live", ...place.toS3({ path: "feed" }));
  await place.run("asset", "upload", "live", place.path("in/"), "--recursive");
}

describeMigrations("the endpoint of an S3 store", {}, (test) => {
  test("from the environment is that of every guard, and is saved with the store", async (place) => {
    await prepare(place);
    const { s3, bucket } = place;
    const env = { AWS_ENDPOINT_URL: s3.endpoint, AWS_ACCESS_KEY_ID: s3.accessKey, AWS_SECRET_ACCESS_KEY: s3.secretKey };
    mkdirSync(place.path("other"));
    const target = [`s3://${bucket}/feed`, "--target-path-style", "--target-region", s3.region];
    const mirror = await place.feedctl(["mirror", place.path("other"), ...target, "--yes"], { env });
    assert.equal(mirror.code, 8, mirror.stderr);
    assert.match(mirror.stderr, /holds the live files of feed "live"/);
    assert.deepEqual(await keysIn(place), ["feed/a", "feed/b"]);

    await place.run("feed", "create", "second", "--type", "asset");
    const options = ["s3", "--bucket", bucket, "--region", s3.region, "--path-style"];
    const same = await place.feedctl(["store", "set", "second", ...options, "--target-path", "feed"], { env });
    assert.equal(same.code, 5, same.stderr);
    const own = await place.feedctl(["store", "set", "second", ...options, "--target-path", "second"], { env });
    assert.equal(own.code, 0, own.stderr);
    const shown = (await place.run("store", "show", "second", "--json")).json();
    assert.partialDeepStrictEqual(shown, { options: { endpoint: s3.endpoint } });
    // without the endpoint in the environment the store is still at the same server
    const { AWS_ENDPOINT_URL: _, ...credentials } = env;
    const upload = await place.feedctl(["asset", "upload", "second", place.path("in/"), "--recursive"], {
      env: credentials,
    });
    assert.equal(upload.code, 0, upload.stderr);
    assert.ok((await keysIn(place)).includes("second/a"));
  });

  test("from the environment of an old store is recorded when the place is proven", async (place) => {
    await prepare(place);
    const { s3 } = place;
    const env = { AWS_ENDPOINT_URL: s3.endpoint, AWS_ACCESS_KEY_ID: s3.accessKey, AWS_SECRET_ACCESS_KEY: s3.secretKey };
    const { AWS_ENDPOINT_URL: _, ...credentials } = env;
    // as an earlier version saved it: without the endpoint, as if the bucket were Amazon's
    await place.rows(`update feedctl.stores set marked_at = null, marked_location = null, probe = true, seal = null,
      options = options - 'endpoint', location = jsonb_set(location, '{place}', to_jsonb('aws/${place.bucket}'::text))
      where role = 'current'`);
    await place.rows(`insert into feedctl.unsealed_stores (store_id, digest)
      select id, encode(sha256(convert_to(jsonb_build_array(feed_id, type, options, location)::text, 'UTF8')), 'hex')
      from feedctl.stores where role = 'current'`);
    writeFileSync(place.path("in", "c"), "c");
    for (const name of ["c", "d"]) {
      writeFileSync(place.path("in", name), name);
      const upload = await place.feedctl(["asset", "upload", "live", place.path("in", name)], { env });
      assert.equal(upload.code, 0, upload.stderr);
    }
    const verified = await place.feedctl(["verify", "live", "--json"], { env });
    assert.partialDeepStrictEqual(verified.summary(), { match: 4, missingBlob: 0 });
    const elsewhere = await place.feedctl(["verify", "live"], { env: credentials });
    assert.equal(elsewhere.code, 7, elsewhere.stderr);
    assert.match(elsewhere.stderr, /but this environment leads to s3:/);
  });

  test("by another name of the same server is recognized by the marker", async (place) => {
    await prepare(place);
    await using other = await secondName(place.s3.endpoint);
    const { bucket, s3 } = place;
    const named = place.toS3({ path: "feed", endpoint: other.endpoint });
    const migrated = await place.exits(5, "migrate", "run", "live", "--to", ...named);
    assert.match(migrated.stderr, /are one place/);
    assert.equal((await place.rows("select 1 from feedctl.migrations")).length, 0, "nothing was recorded");
    const env = { AWS_ACCESS_KEY_ID: s3.accessKey, AWS_SECRET_ACCESS_KEY: s3.secretKey };
    const at = ["--target-endpoint", other.endpoint, "--target-path-style", "--target-region", s3.region];
    mkdirSync(place.path("other"));
    const mirror = await place.feedctl(["mirror", place.path("other"), `s3://${bucket}/feed`, ...at, "--yes"], { env });
    assert.equal(mirror.code, 8, mirror.stderr);
    assert.match(mirror.stderr, /holds the live files of feed "live", as its marker says/);
    await place.run("feed", "create", "thief", "--type", "asset");
    await place.run("store", "set", "thief", "--no-check", ...named);
    const upload = await place.exits(5, "asset", "upload", "thief", place.path("in/"), "--recursive");
    assert.match(upload.stderr, /is the store of feed "live"/);
    assert.deepEqual(await keysIn(place), ["feed/a", "feed/b"]);
    await place.run("verify", "live");
  });
});

onDatabases("the account of a store", ["PostgreSQL"], (database) => {
  database.test("must be the recorded one, whatever the environment says now", async (_t, place) => {
    const account = (name: string) => ({
      STORE: `DefaultEndpointsProtocol=https;AccountName=${name};AccountKey=${btoa("key")};EndpointSuffix=example.test`,
    });
    await place.run("feed", "create", "web", "--type", "npm");
    const set = [
      "store",
      "set",
      "web",
      "azure",
      "--no-check",
      "--container",
      "packages",
      "--connection-string",
      "env:STORE",
    ];
    assert.equal((await place.feedctl(set, { env: account("one") })).code, 0);
    const used = await place.feedctl(["store", "usage", "web"], { env: account("two") });
    assert.equal(used.code, 7, used.stderr);
    assert.match(used.stderr, /is azure one\.blob.*, but this environment leads to azure two\.blob/);
  });
});

/** Another port that leads to the same server. */
async function secondName(endpoint: string): Promise<AsyncDisposable & { endpoint: string }> {
  const { hostname, port } = new URL(endpoint);
  const server = createServer((socket) => {
    const onward = connect(Number(port), hostname);
    socket.pipe(onward).pipe(socket);
    for (const each of [socket, onward]) each.on("error", () => [socket, onward].forEach((one) => one.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}
