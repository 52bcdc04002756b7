import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before } from "node:test";
import { BlobServiceClient } from "@azure/storage-blob";
import { type Azurite, startAzurite } from "../../support/azurite.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { type FlatS3, startTaggedS3 } from "../../support/flat-s3.ts";
import { uniqueName } from "../../support/shared-servers.ts";

const tags = { owner: "Green + Sons", stage: "live" };

let azurite: Azurite;
before(async () => void (azurite = await startAzurite()));
after(() => azurite.stop());

onDatabases("what copies of a migration get of their source", ["PostgreSQL"], ({ test: on, install, name }) => {
  const test = (title: string, body: (place: Installation, here: FlatS3, there: FlatS3) => Promise<void>) =>
    on(title, async (t) => {
      await using place = await install({
        KEY: "AKIAFLAT",
        SECRET: "flat-secret",
        TEST_CONNECTION: azurite.connectionString,
      });
      if (place === undefined) return t.skip(`no ${name} on this machine`);
      await using here = await startTaggedS3();
      await using there = await startTaggedS3();
      await place.run("feed", "create", "files", "--type", "asset");
      await place.run("store", "set", "files", ...s3(here, "a"));
      await upload(place, here, "old");
      await body(place, here, there);
    });

  test("tags and storage classes, also of what another process copies, and on the way back", async (place, here, there) => {
    const start = ["migrate", "start", "files", "--to", ...s3(there, "b"), "--preserve-tags"];
    await place.run(...start, "--preserve-storage-class");
    assert.deepEqual(about(there, "b/old"), [tags, "STANDARD_IA"]);
    await upload(place, here, "added");
    await place.run("migrate", "cutover", "files"); // goes by what was recorded
    assert.deepEqual(about(there, "b/added"), [tags, "STANDARD_IA"]);
    const [status] = (await place.run("migrate", "status", "files", "--json")).json() as { plan: unknown }[];
    assert.partialDeepStrictEqual(status?.plan, { preserve: { tags: true, storageClass: true } });
    await upload(place, there, "later", "b");
    await place.run("migrate", "rollback", "files");
    assert.deepEqual(about(here, "a/later"), [tags, "STANDARD_IA"]);

    await place.run("migrate", "run", "files", "--to", ...s3(there, "c"));
    assert.deepEqual(about(there, "c/old"), [{}, undefined], "not without the options");
  });

  test("tags go to a store of another kind; what one side does not have is refused before anything is recorded", async (place, here) => {
    const container = uniqueName("tags");
    await azurite.createContainer(container);
    const azure = ["azure", "--container", container, "--connection-string", "env:TEST_CONNECTION"];
    const disk = ["disk", "--path", place.path("moved")];
    for (const [to, option, says] of [
      [disk, "--preserve-tags", /tags cannot be preserved: disk .* has none/],
      [azure, "--preserve-storage-class", /storage classes cannot be preserved from s3.* to azure/],
      [
        [...s3(here, "b"), "--storage-class", "X"],
        "--preserve-storage-class",
        /the target has the option "storageClass"/,
      ],
    ] as const)
      for (const more of [[], ["--dry-run"]])
        assert.match((await place.exits(2, "migrate", "run", "files", "--to", ...to, option, ...more)).stderr, says);
    assert.deepEqual((await place.run("migrate", "history", "files", "--json")).json(), []);

    const entry = { feed: "files", to: "azure", container, connectionString: "env:TEST_CONNECTION" };
    const plan = place.path("plan.json");
    writeFileSync(plan, JSON.stringify({ migrations: [{ ...entry, "preserve-tags": "yes" }] }));
    assert.match(
      (await place.exits(2, "migrate", "run", "--from-file", plan)).stderr,
      /"preserve-tags" is true or false/,
    );
    writeFileSync(plan, JSON.stringify({ migrations: [{ ...entry, "preserve-tags": true }] }));
    await place.run("migrate", "run", "--from-file", plan);
    const client = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(container);
    assert.deepEqual((await client.getBlobClient("old").getTags()).tags, tags);
  });
});

function s3({ config }: FlatS3, bucket: string): string[] {
  const { endpoint = "" } = config(bucket);
  const keys = ["--access-key", "env:KEY", "--secret-key", "env:SECRET"];
  return ["s3", "--bucket", bucket, "--endpoint", endpoint, "--region", "us-east-1", "--path-style", ...keys];
}

/** Uploads a file. Somebody else sets the tags and the storage class of its object. */
async function upload(place: Installation, server: FlatS3, name: string, bucket = "a"): Promise<void> {
  writeFileSync(place.path(name), name);
  await place.run("asset", "upload", "files", place.path(name));
  const object = server.objects.get(`${bucket}/${name}`)!;
  object.headers["x-amz-tagging"] = new URLSearchParams(tags).toString();
  object.headers["x-amz-storage-class"] = "STANDARD_IA";
}

/** The tags and the storage class of an object. */
function about({ objects }: FlatS3, name: string) {
  const { "x-amz-tagging": tagging, "x-amz-storage-class": storageClass } = objects.get(name)!.headers;
  return [Object.fromEntries(new URLSearchParams(tagging)), storageClass];
}
