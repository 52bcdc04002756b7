import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { someBytes } from "../../support/bytes.ts";
import { startAzurite } from "../../support/azurite.ts";
import { startFlatS3 } from "../../support/flat-s3.ts";
import { mirrorPlace } from "../../support/mirror.ts";
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
