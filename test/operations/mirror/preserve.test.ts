import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { BlobServiceClient } from "@azure/storage-blob";
import { startAzurite } from "../../support/azurite.ts";
import { someBytes } from "../../support/bytes.ts";
import { startTaggedS3 } from "../../support/flat-s3.ts";
import { mirrorPlace } from "../../support/mirror.ts";
import { uniqueName } from "../../support/shared-servers.ts";

const tags = new URLSearchParams({ owner: "Green + Sons", stage: "live" });

test("tags and storage classes are copied where that is asked for, on every way", async (t: TestContext) => {
  await using at = await mirrorPlace();
  await using here = await startTaggedS3();
  await using there = await startTaggedS3();
  const azurite = await startAzurite();
  t.after(() => azurite.stop());
  here.put("a/small", "x", { "x-amz-tagging": tags.toString(), "x-amz-storage-class": "STANDARD_IA" });
  here.put("a/plain", "x");
  const both = { preserve: { tags: true, storageClass: true } };
  const headersOf = (server: typeof here, name: string) => {
    const { "x-amz-tagging": tagging, "x-amz-storage-class": storageClass } = server.objects.get(name)!.headers;
    return [Object.fromEntries(new URLSearchParams(tagging)), storageClass];
  };
  for (const target of [here.config("b"), there.config("b")])
    assert.equal((await at.mirror({ source: here.config("a"), target, input: both })).summary.copied, 2);
  for (const server of [here, there]) {
    assert.deepEqual(headersOf(server, "b/small"), [Object.fromEntries(tags), "STANDARD_IA"]);
    assert.deepEqual(headersOf(server, "b/plain"), [{}, undefined]);
  }
  await at.mirror({ source: here.config("a"), target: here.config("c") });
  assert.deepEqual(headersOf(here, "c/small"), [{}, undefined], "not without the option");

  const { containerName: container } = await azurite.createContainer(uniqueName("tags"));
  const { connectionString } = azurite;
  const azure = { type: "azure" as const, container, connectionString };
  const onlyTags = { preserve: { tags: true, storageClass: false } };
  here.put("a/large", someBytes(9 * 1024 * 1024), { "x-amz-tagging": tags.toString() });
  assert.equal((await at.mirror({ source: here.config("a"), target: azure, input: onlyTags })).summary.copied, 3);
  const client = BlobServiceClient.fromConnectionString(connectionString).getContainerClient(container);
  for (const name of ["small", "large"])
    assert.deepEqual((await client.getBlobClient(name).getTags()).tags, Object.fromEntries(tags), name);
});

test("what one side does not have cannot be preserved, and nothing is copied", async () => {
  await using at = await mirrorPlace();
  await using server = await startTaggedS3();
  server.put("a/x", "x");
  for (const [preserve, says] of [
    [{ tags: true, storageClass: false }, /tags cannot be preserved: disk .* has none/],
    [{ tags: false, storageClass: true }, /storage classes cannot be preserved from s3.* to disk/],
  ] as const) {
    await assert.rejects(at.mirror({ source: server.config("a"), input: { preserve } }), says);
  }
});
