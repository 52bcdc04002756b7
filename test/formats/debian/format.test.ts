import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { debian } from "../../../src/formats/debian/format.ts";
import { arArchive, debMembers, debOf, debPackage, type DebPackage } from "../../support/fixtures/deb.ts";
import { tarArchive } from "../../support/fixtures/tar.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { assertRejected, assertSamples, type Rejected } from "../../support/rejects.ts";
import { noShared } from "../../support/shared.ts";

function readDeb(t: TestContext, content: DebPackage, fileName: string) {
  return debian.read(packageFile(t, fileName, debPackage(content)));
}

test("a package is read whole", async (t) => {
  const content: DebPackage = {
    name: "libfoo1",
    version: "2:1.02~rc1-1",
    arch: "amd64",
    fields: {
      Source: "foo (1.02)",
      Depends: "libc6 (>= 2.36), bar | baz",
      Description: "a library\n It is used.\n .\n That is all.",
    },
  };
  const { sortKey, ...rest } = await readDeb(t, content, "libfoo1_1.02~rc1-1_amd64.deb");
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "libfoo1",
    nameKey: "libfoo1",
    version: "2:1.02~rc1-1",
    normalizedVersion: "2:1.02~rc1-1",
    prerelease: true,
    qualifier: "arch=amd64&component=main&distribution=stable",
    key: "pool/stable/main/f/foo/libfoo1_2!1.02~rc1-1_amd64.deb",
    contentType: "application/vnd.debian.binary-package",
    metadata: {
      Maintainer: "Somebody <a@example.org>",
      Description: "a library\nIt is used.\n.\nThat is all.",
      Package: "libfoo1",
      Version: "2:1.02~rc1-1",
      Architecture: "amd64",
      Source: "foo (1.02)",
      Depends: "libc6 (>= 2.36), bar | baz",
    },
    warnings: [],
  });
});

test("distribution and component are options of the import, and one file can be in several", async (t) => {
  const file = packageFile(t, "foo_1.0_all.deb", debPackage({ name: "foo", version: "1.0" }));
  const identity = await debian.read(file, { distribution: "bookworm-backports", component: "non-free" });
  assert.equal(identity.qualifier, "arch=all&component=non-free&distribution=bookworm-backports");
  assert.equal(identity.key, "pool/bookworm-backports/non-free/f/foo/foo_1.0_all.deb");
  for (const distribution of ["", "..", "a/b", ".x", "a b", "x".repeat(65)])
    await assert.rejects(debian.read(file, { distribution }), { code: "usage", message: /name of a distribution/ });
  await assert.rejects(debian.read(file, { component: "../x" }), { code: "usage", message: /name of a component/ });
});

const keys: { content: DebPackage; fileName: string; key: string }[] = [
  {
    content: { name: "libx", version: "1" },
    fileName: "libx_1_all.deb",
    key: "pool/stable/main/libx/libx/libx_1_all.deb",
  },
  { content: { name: "lib", version: "1" }, fileName: "lib_1_all.deb", key: "pool/stable/main/l/lib/lib_1_all.deb" },
  {
    content: { name: "foo", version: "0:1-0" },
    fileName: "foo_1_all.deb",
    key: "pool/stable/main/f/foo/foo_1_all.deb",
  },
  {
    content: { name: "foo", version: "1:1" },
    fileName: "foo_1%3a1_all.deb",
    key: "pool/stable/main/f/foo/foo_1!1_all.deb",
  },
  { content: { name: "foo", version: "1" }, fileName: "foo_1_all.udeb", key: "pool/stable/main/f/foo/foo_1_all.udeb" },
  {
    content: { name: "foo", version: "1", fields: { "Package-Type": "udeb" } },
    fileName: "foo_1_all.udeb",
    key: "pool/stable/main/f/foo/foo_1_all.udeb",
  },
];
for (const { content, fileName, key } of keys) {
  test(`${fileName} (${content.version}) is stored at ${key}`, async (t) => {
    const identity = await readDeb(t, content, fileName);
    assert.equal(identity.key, key);
    assert.equal(identity.qualifier.includes("type=udeb"), key.endsWith(".udeb"));
    assert.deepEqual(identity.warnings, []);
  });
}

for (const compression of ["none", "gzip", "zstd"] as const) {
  test(`a control archive compressed with ${compression} is read`, async (t) => {
    const identity = await readDeb(t, { name: "foo", version: "1", compression }, "foo_1_all.deb");
    assert.equal(identity.metadata["Description"], "A package");
  });
}

const noDpkg = spawnSync("dpkg-deb", ["--version"]).status === 0 ? false : "dpkg-deb is not installed";
for (const compression of ["none", "gzip", "xz", "zstd"]) {
  test(`a package that dpkg-deb made with ${compression} is read without a warning`, { skip: noDpkg }, async (t) => {
    const directory = mkdtempSync(path.join(tmpdir(), "feedctl-deb-"));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    mkdirSync(path.join(directory, "tree", "DEBIAN"), { recursive: true });
    const control =
      "Package: foo\nVersion: 1:2.0-3\nArchitecture: amd64\nMaintainer: A <a@example.org>\nDescription: x\n";
    writeFileSync(path.join(directory, "tree", "DEBIAN", "control"), control);
    const file = path.join(directory, "foo_2.0-3_amd64.deb");
    const options = ["--uniform-compression", `-Z${compression}`, "--root-owner-group"];
    execFileSync("dpkg-deb", [...options, "--build", "tree", file], { cwd: directory, stdio: "ignore" });
    const identity = await debian.read(packageFileAt(file));
    assert.equal(identity.key, "pool/stable/main/f/foo/foo_1!2.0-3_amd64.deb");
    assert.deepEqual(identity.warnings, []);
  });
}

const warned: { name: string; control: string | Buffer; warning: RegExp; fileName?: string }[] = [
  {
    name: "another file name",
    control: "Package: foo\nVersion: 1\nArchitecture: all\n",
    fileName: "x.deb",
    warning: /called "x\.deb".*foo_1_all\.deb/,
  },
  {
    name: "an underscore, which dpkg installs",
    control: "Package: pg_back\nVersion: 2.1.0\nArchitecture: all\n",
    fileName: "pg_back_2.1.0_all.deb",
    warning: /"pg_back" has an underscore, which Debian policy forbids/,
  },
  {
    name: "one letter",
    control: "Package: r\nVersion: 1\nArchitecture: all\n",
    fileName: "r_1_all.deb",
    warning: /one letter/,
  },
  {
    name: "capital letters",
    control: "Package: Foo\nVersion: 1\nArchitecture: all\n",
    fileName: "Foo_1_all.deb",
    warning: /capital/,
  },
  {
    name: "text in Latin-1",
    control: Buffer.from("Package: foo\nVersion: 1\nArchitecture: all\nMaintainer: J\u00f6rg\n", "latin1"),
    warning: /Latin-1/,
  },
];
for (const { name, control, warning, fileName = "foo_1_all.deb" } of warned) {
  test(`${name} only warns`, async (t) => {
    const { warnings, metadata } = await debian.read(packageFile(t, fileName, debOf(control)));
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0]!, warning);
    if (name === "text in Latin-1") assert.equal(metadata["Maintainer"], "Jörg");
  });
}

test("members of signing tools are ignored", async (t) => {
  const bytes = Buffer.concat([
    debPackage({ name: "foo", version: "1" }),
    arArchive([{ name: "_gpgorigin", body: "sig" }]).subarray(8),
  ]);
  assert.deepEqual((await debian.read(packageFile(t, "foo_1_all.deb", bytes))).warnings, []);
});

const good = debPackage({ name: "foo", version: "1" });
const version = { name: "debian-binary", body: "2.0\n" };
const control = "Package: foo\nVersion: 1\nArchitecture: all\n";
const packed = gzipSync(tarArchive([{ name: "./control", body: control }]));
const data = { name: "data.tar.xz", body: "" };
const member = { name: "control.tar.gz", body: packed };
const inTar = (...members: Parameters<typeof tarArchive>[0]): Buffer =>
  debMembers({ name: "control.tar.gz", body: gzipSync(tarArchive(members)) });
const rejected: Rejected[] = [
  { name: "nothing", bytes: Buffer.alloc(0), reason: /the file is empty/ },
  { name: "a gzip file", bytes: packed, reason: /it is gzip data, not an ar archive/ },
  { name: "a cut package", bytes: good.subarray(0, -20), reason: /ends inside "data\.tar\.gz"/ },
  {
    name: "a package with data after it",
    bytes: Buffer.concat([good, Buffer.from("x")]),
    reason: /ends inside a header/,
  },
  {
    name: "a static library",
    bytes: arArchive([{ name: "foo.o", body: "x" }]),
    reason: /first member is not debian-binary/,
  },
  { name: "the next version", bytes: arArchive([{ ...version, body: "3.0\n" }, member, data]), reason: /version 3/ },
  { name: "no version", bytes: arArchive([{ ...version, body: "two\n" }, member, data]), reason: /no version number/ },
  { name: "no control archive", bytes: arArchive([version, data]), reason: /second member is "data\.tar\.xz"/ },
  { name: "nothing but a version", bytes: arArchive([version]), reason: /second member is missing/ },
  { name: "no data", bytes: arArchive([version, member]), reason: /third member is missing/ },
  {
    name: "two control archives",
    bytes: arArchive([version, member, member, data]),
    reason: /third member is "control/,
  },
  { name: "another member", bytes: arArchive([version, member, data, member]), reason: /another member "control/ },
  {
    name: "bzip2",
    bytes: arArchive([version, { name: "control.tar.bz2", body: "" }, data]),
    reason: /"control\.tar\.bz2"/,
  },
  { name: "no control file", bytes: inTar({ name: "./md5sums" }), reason: /no control file/ },
  {
    name: "two control files",
    bytes: inTar({ name: "./control", body: control }, { name: "control", body: `${control}X: y\n` }),
    reason: /would both be its control file/,
  },
  {
    name: "a second one in capitals",
    bytes: inTar({ name: "control", body: control }, { name: "./CONTROL" }),
    reason: /its control file is called/,
  },
  {
    name: "a link as control file",
    bytes: inTar({ name: "./control", flag: "2", linkName: "x" }),
    reason: /not a file but a symlink/,
  },
  { name: "a way out", bytes: inTar({ name: "./../control", body: control }), reason: /leads out/ },
  {
    name: "damaged gzip data",
    bytes: debMembers({ name: "control.tar.gz", body: packed.subarray(0, 40) }),
    reason: /ends early/,
  },
  { name: "damaged xz data", bytes: debMembers({ name: "control.tar.xz", body: packed }), reason: /not xz data/ },
  { name: "damaged zstandard data", bytes: debMembers({ name: "control.tar.zst", body: packed }), reason: /damaged/ },
  {
    name: "two zstandard frames",
    bytes: debMembers({ name: "control.tar.zst", body: Buffer.concat([zstdCompressSync("a"), zstdCompressSync("b")]) }),
    reason: /something follows/,
  },
  {
    name: "a bomb",
    bytes: debMembers({ name: "control.tar.gz", body: gzipSync(Buffer.alloc(65 * 1024 * 1024)) }),
    reason: /control\.tar\.gz unpacks to more than 64 MiB/,
  },
  {
    name: "a bomb of zstandard",
    bytes: debMembers({ name: "control.tar.zst", body: zstdCompressSync(Buffer.alloc(65 * 1024 * 1024)) }),
    reason: /control\.tar\.zst unpacks to more than 64 MiB/,
  },
  {
    name: "a control archive beyond the limit",
    bytes: debMembers({ name: "control.tar", body: Buffer.alloc(65 * 1024 * 1024) }),
    reason: /control\.tar has more than 64 MiB/,
  },
  { name: "an empty control file", bytes: debOf(""), reason: /control file is empty/ },
  { name: "two paragraphs", bytes: debOf(`${control}\n${control}`), reason: /2 paragraphs/ },
  { name: "a field twice", bytes: debOf(`${control}version: 2\n`), reason: /"version" twice/ },
  { name: "no name", bytes: debOf("Version: 1\nArchitecture: all\n"), reason: /no "Package"/ },
  {
    name: "a hostile name",
    bytes: debOf("Package: ../x\nVersion: 1\nArchitecture: all\n"),
    reason: /not a Debian package name/,
  },
  { name: "a hostile source", bytes: debOf(`${control}Source: ../../x\n`), reason: /not the name of a Debian source/ },
  {
    name: "a hostile architecture",
    bytes: debOf("Package: foo\nVersion: 1\nArchitecture: a/b\n"),
    reason: /not an architecture/,
  },
  {
    name: "no version of Debian",
    bytes: debOf("Package: foo\nVersion: one\nArchitecture: all\n"),
    reason: /not a Debian version/,
  },
];
for (const { name, bytes, reason } of rejected) {
  test(`${name} is rejected`, (t) => assertRejected(t, debian, "foo_1_all.deb", bytes, reason));
}

test("the samples have the identities that dpkg-deb read", { skip: noShared }, () =>
  assertSamples(debian, "deb", { count: 6 }),
);

test("the files of a repository's index are sidecars, packages are not", () => {
  for (const name of [
    "Release",
    "InRelease",
    "Release.gpg",
    "Packages",
    "Packages.xz",
    "Sources.gz",
    "Contents-amd64.gz",
  ])
    assert.equal(debian.isSidecar!(name), true, name);
  for (const name of ["foo_1_all.deb", "Packages_1_all.deb", "README"])
    assert.equal(debian.isSidecar!(name), false, name);
});
