import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { onDatabases, type Installation } from "../../support/databases.ts";
import { type FlatS3, startFlatS3 } from "../../support/flat-s3.ts";

onDatabases("archived blobs", ["PostgreSQL"], (database) => {
  database.test("are announced before they fail, each by its name, and do not stop others", async (_, place) => {
    await using server = await startFlatS3(({ method, url = "" }) => {
      const object = server.objects.get(decodeURIComponent(url.split("?")[0]!.slice(1)));
      if (method !== "GET" || object?.headers["x-amz-storage-class"] !== "GLACIER") return undefined;
      return { status: 403, body: "<Error><Code>InvalidObjectState</Code></Error>" };
    });
    await filled(place, server);
    for (const name of ["f/b", "d"]) server.objects.get(`one/${name}`)!.headers["x-amz-storage-class"] = "GLACIER";
    const fails = async (...args: string[]) => (await place.exits(3, ...args)) as { stdout: string; stderr: string };

    const verified = await fails("verify", "files", "--read");
    assert.match(
      verified.stderr,
      /holds archived blobs, .* such as "f\/b" \(GLACIER\); those that are not cannot be checked/,
    );
    assert.match(verified.stdout, /unchecked +f\/b: .* is archived/);
    assert.match(verified.stdout, /2 match .* 1 unchecked; every other blob was read/);
    assert.doesNotMatch((await fails("verify", "files")).stderr, /archived/, "nothing is read");

    const adopted = await fails("adopt", "files");
    assert.match(adopted.stderr, /holds archived blobs, .* such as "d" \(GLACIER\); those that are not fail/);
    assert.match(adopted.stdout, /FAILED +d: .* is archived[^]*adopted 1 file/);

    const saved = await fails("asset", "download", "files", "f", "--output", place.path("out"));
    assert.match(saved.stdout, /FAILED .*b: .* is archived[^]*saved 2 files .* 1 failed/);

    for (const target of ["files", "disk", "other"]) {
      const { stdout } = await fails("asset", "copy", "files", "f/", "g", "--to-dir", target);
      assert.match(stdout, /FAILED +\S+b: .* is archived \(GLACIER\)/, target);
      assert.match(stdout, /copied 2 files .* 1 failed/, target);
    }
  });

  database.test("as does a blob that the server refuses for a reason of its own", async (_, place) => {
    const refusals: Record<string, { status: number; body: string }> = {
      "one/f/b": { status: 400, body: ssec },
      "one/d": { status: 405, body: "<Error><Code>MethodNotAllowed</Code></Error>" },
    };
    let refusing = false;
    await using server = await startFlatS3(({ method, url = "" }) => {
      const refusal = refusals[decodeURIComponent(url.split("?")[0]!.slice(1))];
      return refusing && (method === "GET" || method === "HEAD") ? refusal : undefined;
    });
    await filled(place, server);
    refusing = true;
    const fails = async (...args: string[]) => (await place.exits(3, ...args)) as { stdout: string; stderr: string };

    const verified = await fails("verify", "files", "--read");
    assert.match(verified.stdout, /unchecked +f\/b: .* \(SSE-C\).*correct parameters/);
    assert.match(verified.stdout, /2 match .* 2 unchecked; every other blob was read/);

    const adopted = await fails("adopt", "files");
    assert.match(adopted.stdout, /FAILED +d: .* refused it with status 405[^]*adopted 1 file/);

    const saved = await fails("asset", "download", "files", "f", "--output", place.path("out"));
    assert.match(saved.stdout, /FAILED .*b: .* \(SSE-C\)[^]*saved 2 files .* 1 failed/);

    const { stdout } = await fails("asset", "copy", "files", "f/", "g", "--to-dir", "disk");
    assert.match(stdout, /FAILED +\S+b: .* \(SSE-C\)[^]*copied 2 files .* 1 failed/);

    const { endpoint = "", accessKey = "", secretKey = "" } = server.config("one");
    const source = ["--source-endpoint", endpoint, "--source-region", "us-east-1", "--source-path-style"];
    const keys = ["--source-access-key", accessKey, "--source-secret-key", secretKey];
    const mirrored = await fails("mirror", "s3://one/f", place.path("mirror"), ...source, ...keys, "--yes");
    assert.deepEqual(readdirSync(place.path("mirror")).sort(), ["a", "c"]);
    assert.doesNotMatch(mirrored.stderr, /restored/, "it is not archived");

    // what is announced at a blob that cannot be read stays announced, and stops no other upload
    writeFileSync(place.path("other"), "other");
    await place.run("asset", "upload", "files", place.path("other"));
  });
});

const ssec =
  "<Error><Code>InvalidRequest</Code><Message>The object was stored using a form of Server Side Encryption. " +
  "The correct parameters must be provided to retrieve the object.</Message></Error>";

/** An asset directory `files` with `f/a` to `f/c`, two objects that are not recorded, and two other directories. */
async function filled(place: Installation, server: FlatS3): Promise<void> {
  for (const [name, bucket] of [
    ["files", "one"],
    ["other", "two"],
  ] as const) {
    const { endpoint = "", accessKey = "", secretKey = "" } = server.config(bucket);
    const at = ["--bucket", bucket, "--endpoint", endpoint, "--region", "us-east-1", "--path-style"];
    await place.run("feed", "create", name, "--type", "asset");
    await place.run("store", "set", name, "s3", ...at, "--access-key", accessKey, "--secret-key", secretKey);
  }
  await place.run("feed", "create", "disk", "--type", "asset");
  mkdirSync(place.path("f"));
  for (const name of ["a", "b", "c"]) writeFileSync(place.path("f", name), name);
  await place.run("asset", "upload", "files", place.path("f"), "--recursive");
  for (const name of ["d", "e"]) server.put(`one/${name}`, name);
}
