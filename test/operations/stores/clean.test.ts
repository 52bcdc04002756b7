// `store usage` and `store clean`: uploads that were begun and never completed.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before } from "node:test";
import { type Azurite, startAzurite } from "../../support/azurite.ts";
import { onDatabases, type Installation } from "../../support/databases.ts";
import { skipIfS3Cannot } from "../../support/s3-abilities.ts";
import { type S3Server, startS3 } from "../../support/s3-server.ts";
import { uniqueName } from "../../support/shared-servers.ts";

let azurite: Azurite;
let s3: S3Server;
before(async () => {
  azurite = await startAzurite();
  s3 = await startS3();
});
after(async () => {
  await azurite.stop();
  await s3.stop();
});

async function clean(place: Installation, ...options: string[]) {
  const events = (await place.run("store", "clean", "web", "--json", ...options)).events();
  const of = (status: string) => events.filter((event) => event["status"] === status).map((event) => event["name"]);
  return { discarded: of("discarded"), selected: of("selected"), kept: of("kept"), summary: events.at(-1) };
}

async function usage(place: Installation) {
  const { unfinished } = (await place.run("store", "usage", "web", "--json")).json() as {
    unfinished: { uploads: number; ours: number; bytes: number; listed: { name: string; ours: boolean }[] };
  };
  return { ...unfinished, listed: unfinished.listed.map(({ name, ours }) => `${name} ${ours}`).toSorted() };
}

onDatabases("unfinished uploads", ["PostgreSQL"], (database) => {
  database.test("in a bucket: ours at once, others' when asked and old, none of another prefix", async (t) => {
    if (skipIfS3Cannot(t, "list unfinished uploads")) return;
    const { endpoint, accessKey, secretKey, client } = s3;
    await using place = await database.install({ TEST_KEY: accessKey, TEST_SECRET: secretKey });
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    const Bucket = uniqueName("clean");
    await s3.createBucket(Bucket);
    const at = ["s3", "--bucket", Bucket, "--target-path", "web", "--endpoint", endpoint, "--path-style"];
    await place.run("feed", "create", "web", "--type", "asset");
    await place.run("store", "set", "web", ...at, "--access-key", "env:TEST_KEY", "--secret-key", "env:TEST_SECRET");
    const upload = async (name: string) => {
      writeFileSync(place.path(name), "bytes");
      await place.run("asset", "upload", "web", place.path(name));
    };
    await upload("known.bin");
    const begin = async (Key: string) => {
      const { UploadId } = await client.createMultipartUpload({ Bucket, Key });
      await client.uploadPart({ Bucket, Key, UploadId, PartNumber: 1, Body: "123456" });
    };
    const left = async () =>
      ((await client.listMultipartUploads({ Bucket })).Uploads ?? []).map(({ Key = "" }) => Key).toSorted();
    for (const key of ["web/known.bin", "web/foreign.bin", "website/other.bin"]) await begin(key);

    const two = ["foreign.bin false", "known.bin true"];
    assert.deepEqual(await usage(place), { uploads: 2, ours: 1, bytes: 12, listed: two });
    assert.deepEqual((await clean(place, "--dry-run")).selected, ["known.bin"]);
    await place.exits(8, "store", "clean", "web");
    assert.equal((await left()).length, 3);
    const ours = await clean(place, "--yes");
    assert.partialDeepStrictEqual(ours, { discarded: ["known.bin"], kept: ["foreign.bin"], summary: { bytes: 6 } });
    assert.deepEqual((await clean(place, "--yes", "--others")).kept, ["foreign.bin"], "it is not a week old");
    assert.deepEqual((await clean(place, "--yes", "--others", "--older-than", "0s")).discarded, ["foreign.bin"]);
    assert.deepEqual(await left(), ["website/other.bin"]);
    const audit = await place.rows(
      "select object from feedctl.audit_events where action = 'unfinished upload discarded'",
    );
    assert.deepEqual(audit, [{ object: "known.bin" }, { object: "foreign.bin" }]);
    assert.equal((await place.run("asset", "cat", "web", "known.bin")).stdout, "bytes");

    for (const key of ["web/dead.bin", "web/foreign.bin"]) await begin(key);
    await place.rows(`insert into feedctl.pending_writes (store_id, key, sha256, run_id, created_at)
      select s.id, 'dead.bin', '\\x00', (select max(id) from feedctl.runs), now()
      from feedctl.stores s join feedctl.feeds f on f.id = s.feed_id where f.name = 'web' and s.role = 'current'`);
    await upload("next.bin");
    assert.deepEqual(await left(), ["web/foreign.bin", "website/other.bin"], "of a dead run, with its announcement");
  });

  database.test("in a container: staged blocks, told apart by their ids", async (t) => {
    await using place = await database.install({ TEST_CONNECTION: azurite.connectionString });
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    const container = uniqueName("clean");
    const client = await azurite.createContainer(container);
    const at = [
      "azure",
      "--container",
      container,
      "--connection-string",
      "env:TEST_CONNECTION",
      "--target-path",
      "web",
    ];
    await place.run("feed", "create", "web", "--type", "asset");
    await place.run("store", "set", "web", ...at);
    const stage = (name: string, id: Buffer) =>
      client.getBlockBlobClient(name).stageBlock(id.toString("base64"), "1234", 4);
    await stage("web/ours.bin", Buffer.concat([Buffer.alloc(4), Buffer.alloc(32, 7)]));
    await stage("web/theirs.bin", Buffer.from("block-000001"));
    await stage("website/ours.bin", Buffer.alloc(36));
    await client.getBlockBlobClient("web/empty.bin").upload("", 0);
    const left = async () => {
      const names: string[] = [];
      for await (const { name } of client.listBlobsFlat({ includeUncommitedBlobs: true })) names.push(name);
      return names.filter((name) => name.endsWith(".bin"));
    };

    const two = ["ours.bin true", "theirs.bin false"];
    assert.deepEqual(await usage(place), { uploads: 2, ours: 1, bytes: 8, listed: two });
    assert.partialDeepStrictEqual(await clean(place, "--yes"), { discarded: ["ours.bin"], kept: ["theirs.bin"] });
    assert.deepEqual(await left(), ["web/empty.bin", "web/theirs.bin", "website/ours.bin"]);
    assert.deepEqual((await clean(place, "--yes", "--others", "--older-than", "0s")).discarded, ["theirs.bin"]);
    assert.deepEqual(await left(), ["web/empty.bin", "website/ours.bin"]);
  });
});
