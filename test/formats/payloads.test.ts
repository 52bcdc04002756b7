import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { bzip2 } from "../support/fixtures/bzip2.ts";
import { arArchive } from "../support/fixtures/deb.ts";
import { rpmAround, rpmHeader, type RpmTag } from "../support/fixtures/rpm.ts";
import { tarArchive } from "../support/fixtures/tar.ts";
import { noise, readIn } from "../support/import-reading.ts";

/** A tar archive, made by xz with different checks. */
const TAR_XZ = Buffer.from(
  "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Af/AE1dADCAM1AYaImDAdzibiD+BNYP1uuF0FWnxWHB4F+OgjHYTSMuwj8OU8noCKTUt5Wy3vXvBpSyCBU6ykXIi/YOM+h2k9t7yPlE9MNhtFoAAAAAAGarQvfmz6d3AAFpgBAAAABCbVENscRn+wIAAAAABFla",
  "base64",
);
const TAR_XZ_SHA256 = Buffer.from(
  "/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4Af/AE1dADCAM1AYaImDAdzibiD+BNYP1uuF0FWnxWHB4F+OgjHYTSMuwj8OU8noCKTUt5Wy3vXvBpSyCBU6ykXIi/YOM+h2k9t7yPlE9MNhtFoAAAAAAMGMYpWB7AoS90K3f0Nn++8kPFOGcYeID/Ip3HimEGdhAAGBAYAQAABbL6batunfHAIAAAAAClla",
  "base64",
);

function halves(bytes: Buffer): Buffer[] {
  return [bytes.subarray(0, bytes.length / 2), bytes.subarray(bytes.length / 2)];
}

const small = tarArchive([{ name: "a", body: noise(3000) }]);
const checksummed = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

const compressed: { name: string; bytes: Buffer }[] = [
  { name: "data.tar.gz", bytes: gzipSync(small) },
  { name: "data.tar.xz", bytes: TAR_XZ },
  { name: "data.tar.zst", bytes: zstdCompressSync(small, checksummed) },
  { name: "data.tar.zst", bytes: Buffer.concat(halves(small).map((half) => zstdCompressSync(half, checksummed))) },
  { name: "data.tar.bz2", bytes: bzip2(small) },
];

for (const { name, bytes } of compressed) {
  test(`a changed byte in a Debian package's ${name} of ${bytes.length} bytes is found`, async (t) => {
    const read = (data: Buffer) => readIn(t, "debian", "ab_1_all.deb", { "ab_1_all.deb": debOf(name, data) });
    assert.deepEqual((await read(bytes)).identity.warnings, []);
    for (const at of [bytes.length / 4, bytes.length / 2, (bytes.length * 3) / 4])
      await assert.rejects(read(changedAt(bytes, Math.floor(at))), {
        code: "invalid",
        message: /^ab_1_all.deb is damaged or incomplete: .*(?:damaged|ends early)/,
      });
  });
}

test("a changed byte in the payload of an RPM package is found by the hashes in its headers", async (t) => {
  const payload = gzipSync(noise(1000));
  const sha256 = createHash("sha256").update(payload).digest("hex");
  const nvra = ["a", "1", "1"].map((value, at) => ({ tag: 1000 + at, value }));
  const others = [
    { tag: 1022, value: "noarch" },
    { tag: 1044, value: "a-1-1.src.rpm" },
  ];
  const hashed: RpmTag[] = [
    { tag: 5092, value: [sha256] },
    { tag: 5093, value: 8 },
  ];
  const md5 = (header: Buffer): RpmTag[] => [
    { tag: 1004, value: createHash("md5").update(header).update(payload).digest() },
  ];
  for (const { tags, signatures, reason } of [
    { tags: hashed, signatures: () => [], reason: /its payload does not match the sha256 in its headers/ },
    { tags: [], signatures: md5, reason: /its payload does not match the md5 in its headers/ },
    { tags: [], signatures: () => [], reason: /damaged/ },
  ]) {
    const bytes = rpmAround(rpmHeader([...nvra, ...others, ...tags]), signatures, payload);
    const read = (rpm: Buffer) => readIn(t, "rpm", "a-1-1.noarch.rpm", { "a-1-1.noarch.rpm": rpm });
    assert.deepEqual((await read(bytes)).identity.warnings, []);
    await assert.rejects(read(changedAt(bytes, bytes.length - 300)), { code: "invalid", message: reason });
  }
  const unknown = rpmAround(rpmHeader([...nvra, ...others]), () => [], Buffer.from("of another compression"));
  const { identity } = await readIn(t, "rpm", "a-1-1.noarch.rpm", { "a-1-1.noarch.rpm": unknown });
  assert.match(identity.warnings.join(), /a part of it cannot be unpacked here/);
});

test("compressed data that needs another decoder is imported unchecked, with a warning", async (t) => {
  const deb = debOf("data.tar.xz", TAR_XZ_SHA256);
  const { identity } = await readIn(t, "debian", "ab_1_all.deb", { "ab_1_all.deb": deb });
  assert.match(identity.warnings.join(), /a part of it cannot be unpacked here/);
  const cut = debOf("data.tar.xz", TAR_XZ_SHA256.subarray(0, -8));
  await assert.rejects(readIn(t, "debian", "ab_1_all.deb", { "ab_1_all.deb": cut }), /ends early or is damaged/);
});

const CONTROL = "Package: ab\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\nDescription: a\n";

function debOf(name: string, body: Buffer): Buffer {
  const control = gzipSync(tarArchive([{ name: "./control", body: CONTROL }]));
  return arArchive([
    { name: "debian-binary", body: "2.0\n" },
    { name: "control.tar.gz", body: control },
    { name, body },
  ]);
}

function changedAt(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 4;
  return copy;
}
