import assert from "node:assert/strict";
import { after, before } from "node:test";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { assertSound, counts, importing } from "../../support/importing.ts";
import { holdRows } from "../../support/hold-rows.ts";
import { writePackages } from "../../support/package-set.ts";
import { skipIfS3Cannot } from "../../support/s3-abilities.ts";
import { s3Problem, startS3Proxy, type S3Proxy } from "../../support/s3-proxy.ts";
import { type S3Server, startS3 } from "../../support/s3-server.ts";
import { until } from "../../support/wait.ts";

const COUNT = 150;

onDatabases("a store that fails during an import", ["PostgreSQL"], (database) => {
  let s3: S3Server;
  let proxy: S3Proxy;
  before(async () => {
    s3 = await startS3();
    await s3.createBucket("import");
    proxy = await startS3Proxy(s3.endpoint);
  });
  after(async () => {
    await proxy.stop();
    await s3.stop();
  });

  const isPut = ({ method, url }: { method: string; url: string }) => method === "PUT" && url.includes(".tgz");
  const feedAt = async (place: Installation, path: string, secret = s3.secretKey) => {
    const keys = ["--access-key", s3.accessKey, "--secret-key", secret];
    const where = ["--bucket", "import", "--target-path", path, "--endpoint", proxy.endpoint, "--path-style"];
    await place.run("feed", "create", path, "--type", "npm");
    await place.run("store", "set", path, "s3", "--no-check", ...where, ...keys);
  };

  database.test("is unreachable: the import ends with status 7, the next one completes it", async (t, place) => {
    const files = writePackages(place.path("in"), COUNT, { size: 100 });
    await feedAt(place, "gone");
    let puts = 0;
    // neither an answer nor a connection, like a server that was switched off
    proxy.intercept = (request) => {
      if (isPut(request)) puts++;
      return puts > 80 ? (answer) => answer.destroy() : undefined;
    };
    const started = performance.now();
    const { code, stdout, stderr } = await place.feedctl(["import", "gone", ...files, "--json"]);
    t.diagnostic(`ended ${Math.round((performance.now() - started) / 1000)} s after its start`);
    proxy.intercept = undefined;
    assert.equal(code, 7, stderr);
    assert.match(stderr, /"code":"unavailable"/);
    // the files recorded before the outage are reported, and no file is reported as failed
    const lines = stdout.split("\n").filter((line) => line !== "");
    assert.ok(lines.length >= 64 && lines.length < COUNT, `${lines.length} lines`);
    assert.ok(lines.every((line) => line.includes('"status":"imported"')));
    const { counts: again } = await importing(place, 0, "gone", ...files);
    assert.equal(again.imported + again.existing, COUNT);
    assert.ok(again.existing >= lines.length);
    await assertSound(place, "gone", COUNT);
  });

  database.test("refuses writes: the import ends at once with status 6", async (_t, place) => {
    const files = writePackages(place.path("in"), 100, { size: 100 });
    await feedAt(place, "denied");
    let puts = 0;
    proxy.intercept = (request) => (isPut(request) && ++puts > 70 ? s3Problem(403, "AccessDenied") : undefined);
    const { stderr } = await place.exits(6, "import", "denied", ...files);
    proxy.intercept = undefined;
    assert.match(stderr, /^error: .*denied/im);
    const { counts: again } = await importing(place, 0, "denied", ...files);
    assert.deepEqual(again, counts({ imported: again.imported, existing: 100 - again.imported }));
    assert.ok(again.existing >= 64);
    await assertSound(place, "denied", 100);
  });

  database.test("rejects the credentials: status 6, nothing recorded, and no secret printed", async (t, place) => {
    if (skipIfS3Cannot(t, "check credentials")) return;
    const files = writePackages(place.path("in"), 3, { size: 100 });
    await feedAt(place, "wrong", "not-the-secret-at-all");
    const { stdout, stderr } = await place.exits(6, "import", "wrong", ...files);
    assert.ok(!`${stdout}${stderr}`.includes("not-the-secret-at-all"));
    assert.deepEqual((await place.run("package", "list", "wrong", "--json")).json(), []);
  });
});

onDatabases("a catalog that fails during an import", ["PostgreSQL"], (database) => {
  database.test("within a transaction: the import ends with status 7, the next one completes it", async (_t, place) => {
    const files = writePackages(place.path("in"), 3, { size: 100 });
    await place.run("feed", "create", "web", "--type", "npm");
    await using held = await holdRows(place);
    const running = await place.start(["import", "web", ...files]);
    await until("the import waits", () => held.isAwaitedBy(1), running);
    await held.cutWaiting();
    const { code, stderr } = await running.finished;
    assert.equal(code, 7, stderr);
    assert.doesNotMatch(stderr, /bug/);
    await held.release();
    assert.deepEqual((await importing(place, 0, "web", ...files)).counts, counts({ imported: 3 }));
    await assertSound(place, "web", 3);
  });
});
