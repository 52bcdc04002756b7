import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { crc32, gzipSync, zstdCompressSync } from "node:zlib";
import type { PackageType } from "../../src/formats/feed-types.ts";
import { setLimits } from "../../src/lib/limits.ts";
import { apkOf } from "../support/fixtures/apk.ts";
import { arArchive } from "../support/fixtures/deb.ts";
import { gemMembers, gemSpecification } from "../support/fixtures/gem.ts";
import { jar, pom } from "../support/fixtures/maven.ts";
import { nupkg } from "../support/fixtures/packages.ts";
import { wheel } from "../support/fixtures/pypi.ts";
import { tarArchive } from "../support/fixtures/tar.ts";
import { upack } from "../support/fixtures/upack.ts";
import { zipArchive } from "../support/fixtures/zip.ts";
import { noise, readIn } from "../support/import-reading.ts";

/** The same for an artifact beside its pom. */
function readArtifact(t: TestContext, name: string, bytes: Uint8Array) {
  return readIn(t, "maven", name, { "a-1.pom": pom({ group: "g", artifact: "a", version: "1" }), [name]: bytes });
}

const XZ =
  "fd377a585a000004e6d6b4460200210116000000742fe5a301000468656c6c6f00000000b137b9dbe5da1e9b00011d05b82d80af1fb6f37d010000000004595a";
const BZIP2 = "425a68393141592653591931653d00000081000244a000219a68334d07338bb9229c28480c98b29e80";
const small = tarArchive([{ name: "a", body: noise(3000) }]);
/** Larger than what is read at once, with members that are unpacked at once and in a stream. */
const large = zipArchive([
  { name: "text", body: "text ".repeat(1_000_000) },
  { name: "noise", body: noise(1_500_000) },
  { name: "short", body: "short" },
]);

const archives: { name: string; bytes: Buffer }[] = [
  { name: "a-1.jar", bytes: jar() },
  { name: "a-1.war", bytes: Buffer.concat([Buffer.from("#!/bin/sh\nexec java -jar $0\n"), jar()]) },
  { name: "a-1-dist.zip", bytes: large },
  { name: "a-1-empty.zip", bytes: zipArchive([]) },
  { name: "a-1-bin.tar.gz", bytes: gzipSync(small) },
  { name: "a-1-two.tar.gz", bytes: Buffer.concat([gzipSync(small), gzipSync("more")]) },
  { name: "a-1-big.tar.gz", bytes: gzipSync(noise(1_200_000)) },
  { name: "a-1-bin.tar.zst", bytes: zstdCompressSync(small) },
  { name: "a-1-text.xz", bytes: Buffer.from(XZ, "hex") },
  { name: "a-1-text.bz2", bytes: Buffer.from(BZIP2, "hex") },
];

for (const { name, bytes } of archives) {
  test(`${name} is imported whole, and refused when it is cut off`, async (t) => {
    const { identity, hashes } = await readArtifact(t, name, bytes);
    assert.deepEqual(identity.warnings, []);
    assert.equal(hashes.sha256, createHash("sha256").update(bytes).digest("hex"));
    const lengths = [0.3, 0.7, 1].map((part) => Math.floor(bytes.length * part) - 1).filter((length) => length > 20);
    for (const left of lengths) {
      const cut = readArtifact(t, name, bytes.subarray(0, left));
      await assert.rejects(
        cut,
        { code: "invalid", message: /^a-1.* is (?:damaged or incomplete|not a valid): / },
        `${left}`,
      );
    }
  });
}

test("a zip archive with a damaged member is refused, whichever member and type of package it is", async (t) => {
  const types: { type: PackageType; name: string; bytes: Buffer; body: string }[] = [
    {
      type: "nuget",
      name: "A.1.0.0.nupkg",
      bytes: nupkg({ id: "A", version: "1.0.0", files: { "lib/a.dll": "code" } }),
      body: "code",
    },
    {
      type: "pypi",
      name: "a-1-py3-none-any.whl",
      bytes: wheel({ name: "a", version: "1", files: { "a.py": "code" } }),
      body: "code",
    },
    {
      type: "universal",
      name: "a-1.0.0.upack",
      bytes: upack({ name: "a", version: "1.0.0" }, { x: "code" }),
      body: "code",
    },
  ];
  for (const { type, name, bytes, body } of types) {
    assert.deepEqual((await readIn(t, type, name, { [name]: bytes })).identity.warnings, []);
    const sum = Buffer.alloc(4);
    sum.writeUInt32LE(crc32(body));
    const damaged = Buffer.from(bytes);
    // in its local header and in the directory
    for (let at = damaged.indexOf(sum); at >= 0; at = damaged.indexOf(sum, at + 4)) damaged[at]! ^= 1;
    assert.notDeepEqual(damaged, bytes);
    const reason = {
      code: "invalid",
      message: /is damaged or incomplete: ".*" in the zip archive is damaged \(wrong checksum\)/,
    };
    await assert.rejects(readIn(t, type, name, { [name]: damaged }), reason);
  }
  for (const at of [20_000, 1_000_000]) {
    const damaged = Buffer.from(large);
    damaged[at]! ^= 1;
    await assert.rejects(readArtifact(t, "a-1.zip", damaged), {
      code: "invalid",
      message: /"noise" in the zip archive is damaged/,
    });
  }
});

test("the data archive of a Debian, Alpine or old Ruby package is read to its end", async (t) => {
  const packed = gzipSync(small);
  const cut = packed.subarray(0, 2000);
  const control = { name: "control.tar.gz", body: gzipSync(tarArchive([{ name: "./control", body: CONTROL }])) };
  const deb = (data: Buffer) =>
    arArchive([{ name: "debian-binary", body: "2.0\n" }, control, { name: "data.tar.gz", body: data }]);
  assert.ok(await readIn(t, "debian", "ab_1_all.deb", { "ab_1_all.deb": deb(packed) }));
  await assert.rejects(
    readIn(t, "debian", "ab_1_all.deb", { "ab_1_all.deb": deb(cut) }),
    /the compressed data ends early/,
  );
  const zst = arArchive([
    { name: "debian-binary", body: "2.0\n" },
    control,
    { name: "data.tar.zst", body: zstdCompressSync(small).subarray(0, 2000) },
  ]);
  await assert.rejects(readIn(t, "debian", "ab_1_all.deb", { "ab_1_all.deb": zst }), /the compressed data ends early/);

  // cut before it was packed, as when a disk was full: dpkg-deb and tar refuse it
  const half = small.subarray(0, 2000);
  const long = tarArchive([{ name: "n".repeat(300), body: noise(3000) }]);
  for (const [name, data, reason] of [
    ["data.tar.gz", gzipSync(half), /the tar archive in "data.tar.gz" is cut off/],
    ["data.tar", half, /the tar archive in "data.tar" is cut off/],
    ["data.tar.gz", Buffer.alloc(0), /its data.tar.gz is not gzip data/],
    ["data.tar.xz", packed, /its data.tar.xz is not xz data/],
    ["data.tar", small, undefined],
    ["data.tar", long, undefined],
    ["data.tar.gz", gzipSync(long), undefined],
  ] as const) {
    const members = [{ name: "debian-binary", body: "2.0\n" }, control, { name, body: data }];
    const read = readIn(t, "debian", "ab_1_all.deb", { "ab_1_all.deb": arArchive(members) });
    if (reason === undefined) assert.deepEqual((await read).identity.warnings, []);
    else await assert.rejects(read, { code: "invalid", message: reason });
  }
  const lzma = [{ name: "debian-binary", body: "2.0\n" }, control, { name: "data.tar.lzma", body: "]\0\0" }];
  assert.match(
    (await readIn(t, "debian", "ab_1_all.deb", { "ab_1_all.deb": arArchive(lzma) })).identity.warnings.join(),
    /cannot be unpacked here/,
  );
  for (const [name, bytes] of [
    ["a-1-bin.tar.gz", gzipSync(half)],
    ["a-1-bin.tar", half],
  ] as const)
    await assert.rejects(readArtifact(t, name, bytes), /is cut off/);
  assert.ok(await readArtifact(t, "a-1-bin.tar", small));

  const apk = apkOf("pkgname = a\npkgver = 1-r0\narch = x86_64\n", {
    datahash: "",
    data: [{ name: "usr/a", body: noise(3000) }],
  });
  assert.ok(await readIn(t, "alpine", "a-1-r0.apk", { "a-1-r0.apk": apk }));
  await assert.rejects(
    readIn(t, "alpine", "a-1-r0.apk", { "a-1-r0.apk": apk.subarray(0, -9) }),
    /the compressed data ends early/,
  );

  const [metadata, data] = gemMembers(gemSpecification({ name: "a", version: "1" }));
  const gem = (body: Buffer) => tarArchive([metadata!, { ...data!, body }]);
  assert.ok(await readIn(t, "rubygems", "a-1.gem", { "a-1.gem": gem(packed) }));
  await assert.rejects(readIn(t, "rubygems", "a-1.gem", { "a-1.gem": gem(cut) }), /the compressed data ends early/);
});

const CONTROL = "Package: ab\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a\n";

test("what would unpack to more than the limits is imported unchecked, with a warning", async (t) => {
  t.after(() => setLimits({}));
  const zeros = Buffer.alloc(20_000_000);
  for (const [name, bytes] of [
    ["a-1.jar", zipArchive([{ name: "zeros", body: zeros }])],
    ["a-1.tar.gz", gzipSync(zeros)],
  ] as const) {
    assert.match(
      (await readArtifact(t, name, bytes)).identity.warnings.join(),
      /more than the limits \(inflated, ratio\)/,
    );
    setLimits({ ratioFrom: 100_000_000 });
    assert.deepEqual((await readArtifact(t, name, bytes)).identity.warnings, []);
    setLimits({});
  }
});

test("members that cannot be unpacked here are imported unchecked, with a warning", async (t) => {
  for (const [what, field, value] of [
    ["bzip2", "method", 12],
    ["encrypted", "flags", 0x0801],
  ] as const) {
    const bytes = Buffer.from(zipArchive([{ name: "a", body: "content" }]));
    const at = { local: field === "method" ? 8 : 6, directory: bytes.indexOf("PK\u0001\u0002") };
    bytes.writeUInt16LE(value, at.local);
    bytes.writeUInt16LE(value, at.directory + at.local + 2);
    assert.match((await readArtifact(t, "a-1.jar", bytes)).identity.warnings.join(), /cannot be unpacked here/, what);
  }
});
