import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { someBytes } from "../../support/bytes.ts";
import { startAzurite } from "../../support/azurite.ts";
import { startFlatS3 } from "../../support/flat-s3.ts";
import { openS3Store } from "../../../src/stores/s3/store.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { mirrorPlace, said } from "../../support/mirror.ts";
import { uniqueName } from "../../support/shared-servers.ts";

test("copies keep the headers of an object: inside a server, to another one, and through Azure", async (t: TestContext) => {
  await using at = await mirrorPlace();
  await using here = await startFlatS3();
  await using there = await startFlatS3();
  const azurite = await startAzurite();
  t.after(() => azurite.stop());
  const headers = {
    "content-type": "application/javascript",
    "content-encoding": "gzip",
    "content-disposition": "attachment; filename=x.js",
    "content-language": "de",
    "cache-control": "no-transform",
    "x-amz-meta-owner": "someone",
  };
  const expires = { expires: "Thu, 01 Dec 2033 16:00:00 GMT" };
  here.put("a/app.js", someBytes(2000), { ...headers, ...expires });
  const { containerName } = await azurite.createContainer(uniqueName("headers"));
  const { connectionString } = azurite;
  const container = { type: "azure" as const, container: containerName, connectionString };
  const legs = [
    [here.config("a"), here.config("b")],
    [here.config("b"), there.config("c")],
    [there.config("c"), container],
    [container, there.config("d")],
  ] as const;
  for (const [source, target] of legs) assert.equal((await at.mirror({ source, target })).summary.copied, 1);
  assert.partialDeepStrictEqual(here.objects.get("b/app.js")?.headers, { ...headers, ...expires });
  assert.partialDeepStrictEqual(there.objects.get("c/app.js")?.headers, { ...headers, ...expires });
  // Azure keeps no expiry
  assert.partialDeepStrictEqual(there.objects.get("d/app.js")?.headers, headers);
});

test("headers keep characters beyond ASCII, which Azure refuses by the file's name", async (t: TestContext) => {
  await using at = await mirrorPlace();
  await using here = await startFlatS3();
  await using there = await startFlatS3();
  const azurite = await startAzurite();
  t.after(() => azurite.stop());
  // a server of HTTP reads and writes a byte for each character; the bytes are UTF-8
  const disposition = Buffer.from('attachment; filename="Prüfliste €.txt"').toString("latin1");
  here.put("a/odd", "x", { "content-disposition": disposition });
  here.put("a/plain", "x");
  const { containerName: container } = await azurite.createContainer(uniqueName("letters"));
  const { connectionString } = azurite;
  assert.equal((await at.mirror({ source: here.config("a"), target: there.config("b") })).summary.copied, 2);
  assert.equal(there.objects.get("b/odd")?.headers["content-disposition"], disposition);
  const target = { type: "azure" as const, container, connectionString };
  const report = await at.mirror({ source: there.config("b"), target, planMayDiffer: true });
  assert.deepEqual(said(report), ["odd: lonely failed", "plain: lonely copied"]);
  assert.match(report.items.find(({ key }) => key === "odd")?.reason ?? "", /content-disposition .* printable ASCII/);
});

test("metadata of another tool with feedctl's names are kept", async (t: TestContext) => {
  await using at = await mirrorPlace();
  await using here = await startFlatS3();
  const azurite = await startAzurite();
  t.after(() => azurite.stop());
  const { containerName: container } = await azurite.createContainer(uniqueName("names"));
  const azure = { type: "azure" as const, container, connectionString: azurite.connectionString };
  const given = { sha256: "Base64==", mtime: "yesterday", feedctl: "not ours" };
  here.put("a/x", "x", Object.fromEntries(Object.entries(given).map(([name, value]) => [`x-amz-meta-${name}`, value])));
  assert.equal((await at.mirror({ source: here.config("a"), target: azure })).summary.copied, 1);
  assert.equal((await at.mirror({ source: azure, target: here.config("b") })).summary.copied, 1);
  await using store = await openS3Store(here.config("b"));
  assert.deepEqual((await store.head(parseKey("x")))?.metadata, given);
});
