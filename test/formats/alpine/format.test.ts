import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { alpine } from "../../../src/formats/alpine/format.ts";
import { apkMember, apkOf, apkPackage, type ApkPackage } from "../../support/fixtures/apk.ts";
import { tarArchive } from "../../support/fixtures/tar.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { assertRejected, assertSamples, type Rejected } from "../../support/rejects.ts";
import { noShared, samplePath } from "../../support/shared.ts";

function readApk(t: TestContext, content: ApkPackage, fileName: string) {
  return alpine.read(packageFile(t, fileName, apkPackage(content)));
}

for (const signed of [true, false]) {
  test(`a package ${signed ? "with" : "without"} a signature is read whole`, async (t) => {
    const lines = [
      "pkgdesc = A package",
      "license = MIT",
      "depend = so:libc.musl-x86_64.so.1",
      "depend = bar>2",
      "provides = cmd:foo=1",
    ];
    const content: ApkPackage = { name: "foo", version: "1.2_rc1-r3", lines, signed };
    const { sortKey, ...rest } = await readApk(t, content, "foo-1.2_rc1-r3.apk");
    assert.ok(sortKey.length > 0);
    const { datahash, ...metadata } = rest.metadata;
    assert.match(String(datahash), /^[0-9a-f]{64}$/);
    assert.deepEqual(
      { ...rest, metadata },
      {
        group: "",
        name: "foo",
        nameKey: "foo",
        version: "1.2_rc1-r3",
        normalizedVersion: "1.2_rc1-r3",
        prerelease: true,
        qualifier: "arch=x86_64",
        key: "x86_64/foo-1.2_rc1-r3.apk",
        contentType: "application/gzip",
        metadata: {
          pkgdesc: "A package",
          license: "MIT",
          depend: ["so:libc.musl-x86_64.so.1", "bar>2"],
          provides: ["cmd:foo=1"],
          ...(signed && { signed: true }),
        },
        warnings: [],
      },
    );
  });
}

test("one version has a key for each architecture", async (t) => {
  const of = (arch: string) => readApk(t, { name: "foo", version: "1-r0", arch }, "foo-1-r0.apk");
  assert.equal((await of("aarch64")).key, "aarch64/foo-1-r0.apk");
  assert.equal((await of("noarch")).key, "noarch/foo-1-r0.apk");
});

const info = "pkgname = foo\npkgver = 1-r0\narch = noarch\n";
const warned: { name: string; bytes: Buffer; warning: RegExp; fileName?: string }[] = [
  { name: "another file name", bytes: apkOf(info), fileName: "x.apk", warning: /called "x\.apk".*foo-1-r0\.apk/ },
  { name: "no hash of the data", bytes: apkOf(info, { datahash: "" }), warning: /no datahash/ },
];
for (const { name, bytes, warning, fileName = "foo-1-r0.apk" } of warned) {
  test(`${name} only warns`, async (t) => {
    const { warnings } = await alpine.read(packageFile(t, fileName, bytes));
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0]!, warning);
  });
}

test("several signatures, hidden files and archives with end markers are accepted", async (t) => {
  const data = gzipSync(tarArchive([{ name: ".dockerenv" }, { name: "usr/x", body: "x" }]));
  const control = `${info}datahash = ${createHash("sha256").update(data).digest("hex")}\n`;
  const bytes = Buffer.concat([
    apkMember([{ name: ".SIGN.RSA.a.rsa.pub", body: "a" }]),
    apkMember([{ name: ".SIGN.RSA256.b.rsa.pub", body: "b" }]),
    gzipSync(
      tarArchive([
        { name: ".PKGINFO", body: control },
        { name: ".post-install", body: "#!/bin/sh\n" },
      ]),
    ),
    data,
  ]);
  const identity = await alpine.read(packageFile(t, "foo-1-r0.apk", bytes));
  assert.deepEqual([identity.warnings, identity.metadata["signed"]], [[], true]);
});

const good = apkOf(info, { signed: true });
const signature = apkMember([{ name: ".SIGN.RSA.a.rsa.pub", body: "a" }]);
const control = apkMember([{ name: ".PKGINFO", body: info }]);
const data = gzipSync(tarArchive([{ name: "usr/x", body: "x" }]));
const inControl = (...members: Parameters<typeof apkMember>[0][number][]): Buffer =>
  Buffer.concat([apkMember(members), data]);
const rejected: Rejected[] = [
  { name: "nothing", bytes: Buffer.alloc(0), reason: /the file is empty/ },
  {
    name: "an Android package",
    bytes: zipArchive([{ name: "AndroidManifest.xml", body: "x" }]),
    reason: /it is a zip archive, not gzip/,
  },
  ...["ADB.", "ADBd", "ADBc"].map((magic) => ({
    name: `version 3 (${magic})`,
    bytes: Buffer.from(`${magic}pckg...`),
    reason: /it is a package of version 3.*only version 2 is supported/,
  })),
  { name: "a text", bytes: Buffer.from("../../alpine-316/alpine-baselayout.apk"), reason: /not gzip data/ },
  {
    name: "a changed byte of the data",
    bytes: changed(good, -20),
    reason: /its data does not match its datahash/,
  },
  { name: "a cut end", bytes: good.subarray(0, -1), reason: /datahash/ },
  { name: "a package after the package", bytes: Buffer.concat([good, good]), reason: /datahash/ },
  { name: "no data", bytes: control, reason: /ends after its control archive/ },
  { name: "nothing but a signature", bytes: signature, reason: /ends after its signature/ },
  { name: "a cut control archive", bytes: control.subarray(0, -9), reason: /control archive ends early/ },
  {
    name: "a damaged control archive",
    bytes: changed(inControl({ name: ".PKGINFO", body: info }), 30),
    reason: /control archive is damaged|header|checksum/,
  },
  {
    name: "signatures without end",
    bytes: Buffer.concat(Array.from({ length: 9 }, () => signature)),
    reason: /all signatures/,
  },
  {
    name: "a bomb",
    bytes: gzipSync(Buffer.alloc(5 * 1024 * 1024)),
    reason: /unpacks to more than 4\.0 MiB \(limit "alpineControl"/,
  },
  {
    name: "an npm package",
    bytes: Buffer.concat([apkMember([{ name: "package/package.json", body: "{}" }])]),
    reason: /no \.PKGINFO; it looks like an npm package/,
  },
  { name: "no manifest", bytes: inControl({ name: ".pre-install" }), reason: /has no \.PKGINFO$/ },
  {
    name: "two manifests",
    bytes: inControl({ name: ".PKGINFO", body: info }, { name: ".PKGINFO", body: `${info}\n` }),
    reason: /would both be its \.PKGINFO/,
  },
  {
    name: "a second one behind a dot",
    bytes: inControl({ name: ".PKGINFO", body: info }, { name: "./.pkginfo" }),
    reason: /its \.PKGINFO is called/,
  },
  {
    name: "a second one in the data",
    bytes: apkOf(info, { data: [{ name: ".PKGINFO", body: info }, { name: "usr/" }] }),
    reason: /second \.PKGINFO in its data/,
  },
  {
    name: "data in the control archive",
    bytes: inControl({ name: ".PKGINFO", body: info }, { name: "usr/x" }),
    reason: /"usr\/x" does not belong in its control/,
  },
  {
    name: "a link as manifest",
    bytes: inControl({ name: ".PKGINFO", flag: "2", linkName: "x" }),
    reason: /not a file but a symlink/,
  },
  { name: "a way out", bytes: inControl({ name: "../.PKGINFO", body: info }), reason: /leads out/ },
  { name: "no name", bytes: apkOf("pkgver = 1-r0\narch = noarch\n"), reason: /no "pkgname"/ },
  { name: "a name twice", bytes: apkOf(`${info}pkgname = bar\n`), reason: /"pkgname" 2 times/ },
  {
    name: "a hostile name",
    bytes: apkOf("pkgname = ../x\npkgver = 1-r0\narch = noarch\n"),
    reason: /"pkgname" cannot be/,
  },
  {
    name: "a hostile architecture",
    bytes: apkOf("pkgname = foo\npkgver = 1-r0\narch = a/b\n"),
    reason: /"arch" cannot be/,
  },
  {
    name: "no version of Alpine",
    bytes: apkOf("pkgname = foo\npkgver = 1.0-beta\narch = noarch\n"),
    reason: /not an Alpine version/,
  },
];
test("a line that apk ignores, and a field that says the same again, are no reason to refuse a package", async (t) => {
  const { name, warnings } = await alpine.read(packageFile(t, "foo-1-r0.apk", apkOf(`${info}what\npkgname = foo\n`)));
  assert.deepEqual([name, warnings], ["foo", ['line 4 of its .PKGINFO is not "key = value"']]);
});

for (const { name, bytes, reason } of rejected) {
  test(`${name} is rejected`, (t) => assertRejected(t, alpine, "foo-1-r0.apk", bytes, reason));
}

function changed(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at < 0 ? copy.length + at : at]! ^= 0x55;
  return copy;
}

test("a package whose hidden files exceed the limit is rejected", async (t) => {
  const zeros = Buffer.alloc(65 * 1024 * 1024);
  const bytes = apkOf(info, { data: [{ name: ".zeros", body: zeros }, { name: "usr/" }] });
  await assertRejected(t, alpine, "foo-1-r0.apk", bytes, /more than 67108864 bytes of hidden files/);
});

test("the samples have the identities that were read with Python's tarfile", { skip: noShared }, () =>
  assertSamples(alpine, "apk", { count: 12 }),
);

test("a real package with one changed byte anywhere after its manifest is rejected", { skip: noShared }, async (t) => {
  const bytes = readFileSync(samplePath("apk", "testdata__hello-2.12-r0.apk"));
  assert.ok(await alpine.read(packageFileAt(samplePath("apk", "testdata__hello-2.12-r0.apk"))));
  for (const at of [5000, 30_000, bytes.length - 1])
    await assertRejected(t, alpine, "hello-2.12-r0.apk", changed(bytes, at), /datahash/);
});

test("the files of a repository's index are sidecars, packages are not", () => {
  for (const name of ["APKINDEX.tar.gz", "alpine-devel@lists.alpinelinux.org-4a6a0840.rsa.pub"])
    assert.equal(alpine.isSidecar!(name), true, name);
  for (const name of ["foo-1-r0.apk", "README"]) assert.equal(alpine.isSidecar!(name), false, name);
});
