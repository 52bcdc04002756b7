import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { after, before, type TestContext } from "node:test";
import { assetStores, kinds, listed, proven, type AssetStores } from "../../support/asset-stores.ts";
import { someBytes } from "../../support/bytes.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { attempts, firstSeed } from "../../support/effort.ts";
import { duration, killAfter, killNow, killPoints } from "../../support/kill.ts";
import { skipIfS3Cannot } from "../../support/s3-abilities.ts";
import { startS3Proxy } from "../../support/s3-proxy.ts";
import { until } from "../../support/wait.ts";

let stores: AssetStores;
before(async () => void (stores = await assetStores()));
after(() => stores[Symbol.asyncDispose]());

const MIB = 1024 * 1024;
const hashOf = (bytes: string | Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const hashes = async (place: Installation, dir: string) =>
  Object.fromEntries((await listed(place, dir)).flatMap(({ path, sha256 }) => (sha256 ? [[path, sha256]] : [])));

/** Asserts that every row has its blob. A difference must be reported as an interrupted overwrite, and repaired. */
async function truthful(place: Installation, dir: string, when: string): Promise<void> {
  const seen = (await place.any("verify", dir, "--read", "--json")).events();
  const { missingBlob, unchecked } = seen.at(-1) as Record<string, number>;
  assert.deepEqual({ missingBlob, unchecked }, { missingBlob: 0, unchecked: 0 }, when);
  for (const { finding, reason } of seen)
    if (finding === "differ") assert.match(String(reason), /interrupted .* was replacing it/, when);
  await place.run("verify", dir, "--repair", "--read");
}

onDatabases("asset directories under stress", ["PostgreSQL"], (database) => {
  const test = (name: string, body: (place: Installation, t: TestContext) => Promise<void>) =>
    database.test(name, async (t) => {
      await using place = await database.install(stores.env);
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      return await body(place, t);
    });

  test("a migration keeps types, headers, metadata, history and empty folders, on every blob", async (place) => {
    const dir = await stores.directory(place, "disk", "files");
    mkdirSync(place.path("in/empty"), { recursive: true });
    for (const name of ["own.html", "inherits.txt", "plain.bin"]) writeFileSync(place.path("in", name), name);
    await place.run("asset", "versioning", dir, "on");
    await place.run("asset", "upload", dir, "in", "--recursive", "--header", "origin=h\u00f6me", "--metadata", "a b=c");
    await place.run("asset", "set-type", dir, "in/own.html", "text/x-special");
    await place.run("asset", "set-cache", dir, "in/own.html", "private");
    await place.run("asset", "set-cache", dir, "in", "5m");
    await place.run("asset", "set-cache", dir, "in/plain.bin", "none");
    writeFileSync(place.path("in/plain.bin"), "newer");
    await place.run("asset", "upload", dir, "in/plain.bin", "--to", "in", "--overwrite");
    const look = async () => ({
      list: (await place.run("asset", "list", dir, "--recursive", "--long", "--json")).json(),
      history: (await place.run("asset", "history", dir, "--json")).json(),
      folder: (await place.run("asset", "show", dir, "in/empty", "--json")).json(),
    });
    const wanted = await look();
    for (const [step, kind] of (["s3", "azure", "disk"] as const).entries()) {
      await place.run("migrate", "run", dir, "--to", ...stores.options(place, kind, `to-${step}`));
      assert.deepEqual(await look(), wanted, kind);
      await proven(place, dir);
      if (kind === "disk") continue;
      const prefix = kind === "s3" ? "x-amz-meta-" : "x-ms-meta-";
      for (const [path, type, cache] of [
        ["in/own.html", "text/x-special", "private"],
        ["in/inherits.txt", "text/plain", "max-age=300"],
        ["in/plain.bin", "application/octet-stream", null],
      ] as const) {
        const { url } = (await place.run("asset", "url", dir, path, "--json")).json() as { url: string };
        const { status, headers } = await fetch(url);
        assert.deepEqual([status, headers.get("content-type"), headers.get("cache-control")], [200, type, cache], path);
        assert.ok(
          [...headers].some(([name]) => name.startsWith(prefix) && name !== `${prefix}sha256`),
          path,
        );
      }
    }
    const copied = await place.run("asset", "restore", dir, "in/plain.bin");
    assert.match(copied.stdout, /restored/);
    assert.equal((await place.run("asset", "cat", dir, "in/plain.bin")).stdout, "plain.bin");
  });

  for (const kind of kinds)
    test(`${kind}: concurrent uploads of one path leave one complete file`, async (place) => {
      const dir = await stores.directory(place, kind);
      const contents = [1, 2, 3].map((seed) => someBytes(9 * MIB, seed));
      contents.forEach((bytes, index) => {
        mkdirSync(place.path(`${index}`));
        writeFileSync(place.path(`${index}/one.bin`), bytes);
      });
      const runs = contents.map((_, index) =>
        place.feedctl(["asset", "upload", dir, `${index}/one.bin`, "--overwrite"], { env: place.env }),
      );
      const codes = (await Promise.all(runs)).map(({ code }) => code);
      assert.deepEqual(codes, [0, 0, 0]);
      const { "one.bin": winner = "" } = await hashes(place, dir);
      assert.ok(contents.map(hashOf).includes(winner));
      await proven(place, dir);
    });

  for (const kind of ["disk", "s3"] as const)
    test(`${kind}: a killed upload leaves a consistent catalog, and the next run completes it`, async (place) => {
      mkdirSync(place.path("in"));
      const fill = (seed: number) => {
        for (let count = 0; count < 40; count++)
          writeFileSync(place.path(`in/${count}`), someBytes(20_000, seed * 100 + count));
        writeFileSync(place.path("in/large"), someBytes(12 * MIB, seed));
      };
      fill(0);
      const first = await stores.directory(place, kind, `${kind}-0`);
      const command = (dir: string) => ["asset", "upload", dir, "in/", "--overwrite"];
      const usual = await duration(place, command(first));
      for (const [index, part] of killPoints(attempts(kind === "disk" ? 2 : 1), 0.5, 1, firstSeed(7)).entries()) {
        const dir = await stores.directory(place, kind, `${kind}-${index + 1}`);
        // every other attempt starts with an empty directory
        if (index % 2 === 0) await place.run(...command(dir));
        fill(index + 1);
        const when = `killed at ${part.toFixed(2)} of ${Math.round(usual)} ms`;
        await killAfter(place, usual * part, command(dir));
        await truthful(place, dir, when);
        await place.run(...command(dir));
        await proven(place, dir);
        const found = await hashes(place, dir);
        assert.equal(Object.keys(found).length, 41, when);
        assert.equal(found["large"], hashOf(someBytes(12 * MIB, index + 1)), when);
        assert.equal(found["39"], hashOf(someBytes(20_000, (index + 1) * 100 + 39)), when);
      }
    });

  test("s3: a large upload that was killed resumes after the parts that it has sent", async (place, t) => {
    if (skipIfS3Cannot(t, "list unfinished uploads")) return;
    // the proxy answers only three parts, so that the kill comes before the end on any machine
    const proxy = await startS3Proxy(stores.s3.endpoint);
    let sent = 0;
    proxy.intercept = ({ url }) => (url.includes("partNumber=") && ++sent > 3 ? () => {} : undefined);
    try {
      const options = stores.options(place, "s3", "s3");
      await place.run("feed", "create", "s3", "--type", "asset");
      await place.run(
        "store",
        "set",
        "s3",
        ...options.map((option) => (option === stores.s3.endpoint ? proxy.endpoint : option)),
      );
      const bytes = someBytes(48 * MIB, 3);
      writeFileSync(place.path("large"), bytes);
      const { client } = stores.s3;
      const Prefix = `${place.directory.slice(-6)}-s3/`;
      const parts = async () => {
        const { Uploads = [] } = await client.listMultipartUploads({ Bucket: stores.bucket, Prefix });
        const [upload] = Uploads;
        if (upload?.Key === undefined) return { uploads: 0, parts: 0 };
        const { Key, UploadId } = upload;
        const { Parts = [] } = await client.listParts({ Bucket: stores.bucket, Key, UploadId });
        return { uploads: Uploads.length, parts: Parts.length };
      };
      const running = await place.start(["asset", "upload", "s3", "large"], { env: place.env });
      await until("three parts are stored", async () => (await parts()).parts === 3, running);
      await killNow(place, running);
      assert.equal((await running.finished).code, null, "the kill came before the end");
      assert.deepEqual(await parts(), { uploads: 1, parts: 3 });
      assert.deepEqual(await listed(place, "s3"), []);
      proxy.intercept = undefined;
      proxy.seen.length = 0;
      await place.run("asset", "upload", "s3", "large");
      assert.equal(proxy.seen.filter(({ url }) => url.includes("partNumber=")).length, 3, "the other three are sent");
      assert.deepEqual(await hashes(place, "s3"), { large: hashOf(bytes) });
      // another upload would have left this one behind
      assert.deepEqual(await parts(), { uploads: 0, parts: 0 });
      await proven(place, "s3");
    } finally {
      await proxy.stop();
    }
  });
});
