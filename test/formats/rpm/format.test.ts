import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { rpm } from "../../../src/formats/rpm/format.ts";
import { rpmAround, rpmHeader, rpmOf, rpmPackage, type RpmPackage } from "../../support/fixtures/rpm.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { assertRejected, assertSamples, type Rejected } from "../../support/rejects.ts";
import { noShared, samplePath } from "../../support/shared.ts";

function readRpm(t: TestContext, content: RpmPackage, fileName: string) {
  return rpm.read(packageFile(t, fileName, rpmPackage(content)));
}

test("a package is read whole", async (t) => {
  const content: RpmPackage = {
    name: "Foo",
    version: "1.0~rc1",
    release: "2.el9",
    epoch: 3,
    tags: [
      { tag: 1004, value: ["A package", "Ein Paket"], type: 9 },
      { tag: 1006, value: 1700000000 },
      { tag: 1014, value: "MIT" },
      { tag: 1049, value: ["rpmlib(CompressedFileNames)", "bar", "bar"] },
      { tag: 1050, value: ["3.0.4-1", "", "2.0"] },
      { tag: 1048, value: [0x0100_000a, 0, 0x4c] },
    ],
  };
  const { sortKey, ...rest } = await readRpm(t, content, "Foo-1.0~rc1-2.el9.x86_64.rpm");
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "Foo",
    nameKey: "Foo",
    version: "3:1.0~rc1-2.el9",
    normalizedVersion: "3:1.0~rc1-2.el9",
    prerelease: true,
    qualifier: "arch=x86_64",
    key: "Packages/f/Foo-3!1.0~rc1-2.el9.x86_64.rpm",
    contentType: "application/x-rpm",
    metadata: {
      summary: "A package",
      license: "MIT",
      sourceRpm: "Foo-1.0~rc1-2.el9.src.rpm",
      buildTime: 1700000000,
      requires: ["bar", "bar >= 2.0"],
    },
    warnings: [],
  });
});

const keys: { content: RpmPackage; fileName: string; key: string; version: string }[] = [
  {
    content: { name: "foo", version: "1", release: "1" },
    fileName: "foo-1-1.x86_64.rpm",
    key: "Packages/f/foo-1-1.x86_64.rpm",
    version: "1-1",
  },
  {
    content: { name: "foo", version: "1", release: "1", epoch: 0 },
    fileName: "foo-1-1.x86_64.rpm",
    key: "Packages/f/foo-1-1.x86_64.rpm",
    version: "1-1",
  },
  {
    content: { name: "foo", version: "1", release: "1", epoch: 2 },
    fileName: "foo-1-1.x86_64.rpm",
    key: "Packages/f/foo-2!1-1.x86_64.rpm",
    version: "2:1-1",
  },
  {
    content: { name: "foo", version: "1", release: "1", source: true },
    fileName: "foo-1-1.src.rpm",
    key: "Packages/f/foo-1-1.src.rpm",
    version: "1-1",
  },
  {
    content: { name: "foo", version: "1", release: "1", source: true, tags: [{ tag: 1051, value: 1 }] },
    fileName: "foo-1-1.nosrc.rpm",
    key: "Packages/f/foo-1-1.nosrc.rpm",
    version: "1-1",
  },
];
for (const { content, fileName, key, version } of keys) {
  test(`${fileName} with epoch ${content.epoch} is stored at ${key}`, async (t) => {
    const identity = await readRpm(t, content, fileName);
    assert.deepEqual([identity.key, identity.normalizedVersion, identity.warnings], [key, version, []]);
  });
}

test("another file name and text in Latin-1 only warn", async (t) => {
  const tags = [{ tag: 1004, value: Buffer.from("J\u00f6rg\0", "latin1"), type: 6 }];
  const identity = await readRpm(t, { name: "foo", version: "1", release: "1", tags }, "bar.rpm");
  assert.match(identity.warnings.join("\n"), /^the file is called "bar\.rpm".*\nits header is not UTF-8/);
  assert.equal(identity.metadata["summary"], "Jörg");
});

const nvra = [
  { tag: 1000, value: "foo" },
  { tag: 1001, value: "1" },
  { tag: 1002, value: "1" },
  { tag: 1022, value: "noarch" },
  { tag: 1044, value: "foo-1-1.src.rpm" },
];
const without = (tag: number) => nvra.filter((entry) => entry.tag !== tag);
const other = (tag: number, value: string | number) => [...without(tag), { tag, value }];
const good = rpmOf(nvra);
const signature = 96;

test("a package without any hash of its header is read", async (t) => {
  const identity = await rpm.read(
    packageFile(
      t,
      "foo-1-1.noarch.rpm",
      rpmOf(nvra, () => [{ tag: 1004, value: Buffer.alloc(16) }]),
    ),
  );
  assert.deepEqual(identity.warnings, []);
});

function changed(bytes: Buffer, change: (copy: Buffer) => unknown): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

const rejected: Rejected[] = [
  { name: "nothing", bytes: Buffer.alloc(0), reason: /the file is empty/ },
  { name: "an ar archive", bytes: Buffer.from("!<arch>\n"), reason: /it is an ar archive, not an RPM package/ },
  { name: "a cut lead", bytes: good.subarray(0, 50), reason: /ends inside its lead/ },
  { name: "a cut signature header", bytes: good.subarray(0, 120), reason: /ends inside its signature header/ },
  { name: "a cut header", bytes: good.subarray(0, -40), reason: /ends inside its header/ },
  { name: "no header", bytes: good.subarray(0, 96), reason: /ends before its signature header/ },
  { name: "a cut payload", bytes: good.subarray(0, -1), reason: /by its signature header it has/ },
  {
    name: "data after the payload",
    bytes: Buffer.concat([good, Buffer.from("x")]),
    reason: /by its signature header it has/,
  },
  {
    name: "version 2 of the format",
    bytes: changed(good, (copy) => copy.writeUInt8(2, 4)),
    reason: /version 2 of the package format/,
  },
  {
    name: "another magic",
    bytes: changed(good, (copy) => copy.writeUInt8(0, signature)),
    reason: /does not begin as a header/,
  },
  {
    name: "too many tags",
    bytes: changed(good, (copy) => copy.writeUInt32BE(65_536, signature + 8)),
    reason: /more than 65,535 tags/,
  },
  {
    name: "too many bytes",
    bytes: changed(good, (copy) => copy.writeUInt32BE(0xffff_ffff, signature + 12)),
    reason: /more than 256 MiB/,
  },
  {
    name: "a changed header",
    bytes: changed(good, (copy) => copy.write("2", copy.lastIndexOf("foo-1-1") + 4)),
    reason: /sha256/,
  },
  {
    name: "a header with the wrong sha1",
    bytes: rpmOf(nvra, () => [{ tag: 269, value: "0".repeat(40) }]),
    reason: /sha1/,
  },
  { name: "no name", bytes: rpmOf(without(1000)), reason: /has no name/ },
  { name: "no version", bytes: rpmOf(without(1001)), reason: /has no version/ },
  { name: "no release", bytes: rpmOf(without(1002)), reason: /has no release/ },
  { name: "no architecture", bytes: rpmOf(without(1022)), reason: /has no architecture/ },
  { name: "a name twice", bytes: rpmOf([...nvra, { tag: 1000, value: "bar" }]), reason: /tag 1000 twice/ },
  { name: "a name that is a number", bytes: rpmOf(other(1000, 7)), reason: /tag 1000 of the wrong type/ },
  { name: "a hostile name", bytes: rpmOf(other(1000, "../x")), reason: /not the name of an RPM/ },
  { name: "a hostile version", bytes: rpmOf(other(1001, "1/2")), reason: /"1\/2" is not a version/ },
  { name: "a hyphen in the release", bytes: rpmOf(other(1002, "1-2")), reason: /"1-2" is not a version or release/ },
  { name: "a hostile architecture", bytes: rpmOf(other(1022, "a/b")), reason: /no architecture/ },
  {
    name: "an endless name",
    bytes: rpmOf([...without(1000), { tag: 1000, value: Buffer.from("foo"), type: 6 }]),
    reason: /does not end/,
  },
  {
    name: "a very long name",
    bytes: rpmOf(other(1000, "x".repeat(300_000))),
    reason: /is not a valid RPM package: "x{299}\.\.\.$/,
  },
  {
    name: "a tag outside",
    bytes: rpmAround(changed(rpmHeader(nvra), (copy) => copy.writeUInt32BE(9999, 16 + 8))),
    reason: /malformed at tag 1000/,
  },
  {
    name: "numbers outside",
    bytes: rpmAround(
      changed(rpmHeader([{ tag: 1003, value: 1 }, ...nvra]), (copy) => copy.writeUInt32BE(9999, 16 + 12)),
    ),
    reason: /numbers in tag 1003.*too many/,
  },
];
for (const { name, bytes, reason } of rejected) {
  test(`${name} is rejected`, (t) => assertRejected(t, rpm, "foo-1-1.noarch.rpm", bytes, reason));
}

test("a list beyond the limit is omitted, and the package is read", async (t) => {
  const long = Array.from({ length: 900_000 }, (_, i) => `package-${i}`);
  const bytes = rpmOf([...nvra, { tag: 1047, value: long }]);
  const { metadata, warnings } = await rpm.read(packageFile(t, "foo-1-1.noarch.rpm", bytes));
  assert.equal(metadata["provides"], undefined);
  assert.match(warnings.join("\n"), /tag 1047.*too long/);
});

test("the samples have the identities that rpm read", { skip: noShared }, () =>
  assertSamples(rpm, "rpm", { count: 25 }),
);

test("a real package with one changed letter in its header is rejected", { skip: noShared }, async (t) => {
  for (const name of ["hello-2.0-1.x86_64.rpm", "epel-release-7-5.noarch.rpm", "simple-1.0.1-1.i386.rpm"]) {
    assert.deepEqual((await rpm.read(packageFileAt(samplePath("rpm", name)))).warnings, []);
    const bytes = readFileSync(samplePath("rpm", name));
    const header = bytes.indexOf("8eade801", bytes.indexOf("8eade801", 0, "hex") + 4, "hex");
    bytes[bytes.indexOf(name.split(".").at(-2)!, header)]! ^= 1;
    await assertRejected(t, rpm, name, bytes, /the sha.* of its header does not match/);
  }
});

test("the files of a repository's index are sidecars, packages are not", () => {
  for (const name of [
    "repomd.xml",
    "repomd.xml.asc",
    "primary.xml.gz",
    "0a1b-filelists.sqlite.bz2",
    "abc-modules.yaml.gz",
  ])
    assert.equal(rpm.isSidecar!(name), true, name);
  for (const name of ["primary-1-1.noarch.rpm", "README", "other.rpm.txt.exe-"])
    assert.equal(rpm.isSidecar!(name), false, name);
});
