// Bytes that a provider no longer has as they were stored: every hash that is known of them is compared, on every path.
import assert from "node:assert/strict";
import { createHash, hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { after, before, beforeEach, test } from "node:test";
import { createCrc32c, createCrc64Nvme } from "../../../src/lib/bytes/crc.ts";
import { someBytes } from "../../support/bytes.ts";
import { onDatabases } from "../../support/databases.ts";
import { startFlatS3, type FlatS3 } from "../../support/flat-s3.ts";
import { mirrorPlace, said } from "../../support/mirror.ts";
import { everything } from "../../support/temporary-disk.ts";

const MIB = 1024 * 1024;
let from: FlatS3;
let to: FlatS3;
before(async () => void ([from, to] = [await startFlatS3(), await startFlatS3()]));
after(async () => void (await Promise.all([from[Symbol.asyncDispose](), to[Symbol.asyncDispose]()])));
beforeEach(() => [from, to].forEach(({ objects }) => objects.clear()));

/** Changes a byte of an object, whose ETag and headers stay. */
function damage(name: string): void {
  const object = from.objects.get(name)!;
  object.body = Buffer.from(object.body);
  object.body[object.body.length >> 1]! ^= 1;
}

/** The header of a checksum that S3 has compared with the bytes. */
const checksum = (name: string, bytes: Buffer) => {
  const crc = name === "crc32c" ? createCrc32c() : name === "crc64nvme" ? createCrc64Nvme() : undefined;
  crc?.update(bytes);
  const hex = crc?.digest() ?? (name === "crc32" ? crc32(bytes).toString(16).padStart(8, "0") : hash(name, bytes));
  const value = Buffer.from(hex, "hex");
  return { [`x-amz-checksum-${name}`]: value.toString("base64"), "x-amz-checksum-type": "FULL_OBJECT" };
};

for (const [what, size, target] of [
  ["a small object to a disk", 5000, "disk"],
  ["a large object to a disk, in ranges", 9 * MIB, "disk"],
  ["a small object to another server", 5000, "s3"],
] as const) {
  test(`mirror: ${what} whose bytes are not those of its MD5 is not copied, and is reported each time`, async () => {
    await using at = await mirrorPlace();
    for (const name of ["bad", "good"]) from.put(`b/${name}`, someBytes(size));
    damage("b/bad");
    const ends = { source: from.config("b"), ...(target === "s3" && { target: to.config("b") }) };
    for (const run of ["first", "second"]) {
      const report = await at.mirror({ ...ends, planMayDiffer: true, input: { retries: 0 } });
      assert.deepEqual(said(report), [
        "bad: lonely failed",
        `good: ${run === "first" ? "lonely copied" : "same skipped"}`,
      ]);
      const { reason } = report.items.find(({ outcome }) => outcome === "failed")!;
      assert.match(reason ?? "", /md5 [0-9a-f]{32}|MD5/);
    }
    const stored = target === "s3" ? [...to.objects.keys()] : everything(at.target.path).map((name) => `b/${name}`);
    assert.deepEqual(stored, ["b/good"]);
  });
}

test("checksums of S3 are compared where the ETag is no MD5; those of parts are not taken for one", async () => {
  await using at = await mirrorPlace();
  const bytes = someBytes(3000);
  const put = (name: string, headers: Record<string, string>) => {
    from.put(`b/${name}`, bytes, headers);
    from.objects.get(`b/${name}`)!.etag = '"0123456789abcdef0123456789abcdef-2"';
    damage(`b/${name}`);
  };
  for (const name of ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"]) put(name, checksum(name, bytes));
  put("own", { "x-amz-meta-sha256": createHash("sha256").update(bytes).digest("hex") });
  put("parts", { ...checksum("crc32", bytes), "x-amz-checksum-type": "COMPOSITE" });
  put("counted", { "x-amz-checksum-crc32": `${checksum("crc32", bytes)["x-amz-checksum-crc32"]}-2` });
  const report = await at.mirror({ source: from.config("b"), planMayDiffer: true, input: { retries: 0 } });
  assert.deepEqual(said(report), [
    "counted: lonely copied",
    "crc32: lonely failed",
    "crc32c: lonely failed",
    "crc64nvme: lonely failed",
    "own: lonely failed",
    "parts: lonely copied",
    "sha1: lonely failed",
    "sha256: lonely failed",
  ]);
});

test("a large object is read in ranges and compared with the checksum that S3 has of it, the only hash", async () => {
  await using at = await mirrorPlace();
  const bytes = someBytes(9 * MIB);
  for (const name of ["bad", "good"]) {
    from.put(`b/${name}`, bytes, checksum("crc64nvme", bytes));
    from.objects.get(`b/${name}`)!.etag = '"0123456789abcdef0123456789abcdef-2"';
  }
  damage("b/bad");
  const report = await at.mirror({ source: from.config("b"), planMayDiffer: true, input: { retries: 0 } });
  assert.deepEqual(said(report), ["bad: lonely failed", "good: lonely copied"]);
  assert.match(report.items.find(({ key }) => key === "bad")?.reason ?? "", /crc64nvme [0-9a-f]{16} instead of/);
  assert.ok(from.requests.filter((each) => each === "GET /b/good").length > 2, "in ranges");
});

onDatabases("known hashes", ["PostgreSQL"], (database) => {
  database.test("adopt and a migration refuse damaged bytes and name the file", async (t) => {
    await using place = await database.install({});
    if (place === undefined) return t.skip(`no ${database.name} on this machine`);
    const { endpoint = "", accessKey = "", secretKey = "" } = from.config("b");
    const store = ["--bucket", "bucket", "--endpoint", endpoint, "--path-style", "--region", "us-east-1"];
    const keys = ["--access-key", accessKey, "--secret-key", secretKey];
    await place.run("feed", "create", "files", "--type", "asset");
    await place.run("store", "set", "files", "s3", ...store, ...keys);
    for (const name of ["bad", "good"]) from.put(`bucket/${name}`, someBytes(2000));
    damage("bucket/bad");
    const adopted = (await place.exits(3, "adopt", "files", "--json")).events();
    assert.partialDeepStrictEqual(adopted.at(-1), { adopted: 1, failed: 1 });
    assert.match(
      String(adopted.find(({ status }) => status === "failed")?.["reason"]),
      /"bad": the bytes that arrived/,
    );
    const migrated = await place.exits(
      3,
      "migrate",
      "run",
      "files",
      "--to",
      "disk",
      "--path",
      place.path("disk"),
      "--json",
    );
    assert.partialDeepStrictEqual(migrated.events().at(-1), { outcome: "incomplete", copied: 1, failed: 1 });
    damage("bucket/good");
    const verified = await place.exits(3, "verify", "files", "--read", "--json");
    assert.partialDeepStrictEqual(verified.summary(), { differ: 1, missingRow: 1 });
  });
});
