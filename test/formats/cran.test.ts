import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { cran } from "../../src/formats/cran.ts";
import { rDescription, rPackage, type RPackage } from "../support/fixtures/cran.ts";
import { tarArchive, type TarMember } from "../support/fixtures/tar.ts";
import { packageFile, packageFileAt } from "../support/package-file.ts";
import { noShared, readSampleManifest, samplePath } from "../support/shared.ts";

const foo: RPackage = { name: "foo.bar", version: "1.0-1" };

function read(t: TestContext, bytes: Buffer, fileName = "foo.bar_1.0-1.tar.gz") {
  return cran.read(packageFile(t, fileName, bytes));
}

function readMembers(t: TestContext, members: TarMember[]) {
  return read(t, gzipSync(tarArchive(members)));
}

test("a source package is read whole", async (t) => {
  const description = "Description: Two\n    lines.\nDepends: R (>= 3.5.0), utils,\n  methods\nLicense: MIT\n";
  const { sortKey, ...rest } = await read(t, rPackage({ ...foo, description }));
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "foo.bar",
    nameKey: "foo.bar",
    version: "1.0-1",
    normalizedVersion: "1.0-1",
    prerelease: false,
    qualifier: "",
    key: "src/contrib/foo.bar_1.0-1.tar.gz",
    contentType: "application/gzip",
    metadata: {
      Title: "A Thing",
      Description: "Two lines.",
      License: "MIT",
      Depends: ["R (>= 3.5.0)", "utils", "methods"],
    },
    warnings: [],
  });
});

test("the manifest is decoded by its own Encoding field", async (t) => {
  const text = rDescription({ ...foo, description: "Encoding: latin1\nAuthor: J\u00f6rg\n" });
  const members = [{ name: "foo.bar/DESCRIPTION", body: Buffer.from(text, "latin1") }];
  const { metadata, warnings } = await readMembers(t, members);
  assert.equal(metadata["Author"], "J\u00f6rg");
  assert.deepEqual(warnings, []);
});

const warned: { name: string; members: TarMember[]; fileName?: string; warning: RegExp }[] = [
  {
    name: "another file name",
    members: [{ name: "foo.bar/DESCRIPTION", body: rDescription(foo) }],
    fileName: "x.tar.gz",
    warning: /by its DESCRIPTION it is foo\.bar_1\.0-1\.tar\.gz$/,
  },
  {
    name: "another top directory",
    members: [{ name: "foo-main/DESCRIPTION", body: rDescription(foo) }],
    warning: /top directory is called "foo-main"/,
  },
  {
    name: "text that does not match its Encoding field",
    members: [
      {
        name: "foo.bar/DESCRIPTION",
        body: Buffer.concat([Buffer.from(rDescription(foo)), Buffer.from([0x58, 0x3a, 0xff, 0x0a])]),
      },
    ],
    warning: /read as Latin-1/,
  },
  {
    name: "no sign of R CMD build",
    members: [{ name: "foo.bar/DESCRIPTION", body: "Package: foo.bar\nVersion: 1.0-1\n" }],
    warning: /"Packaged"/,
  },
];
for (const { name, members, fileName, warning } of warned) {
  test(`a package with ${name} is accepted with a warning`, async (t) => {
    const { key, warnings } = await read(t, gzipSync(tarArchive(members)), fileName);
    assert.equal(key, "src/contrib/foo.bar_1.0-1.tar.gz");
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0]!, warning);
  });
}

const body = rDescription(foo);
const rejected: { name: string; members: TarMember[]; reason: RegExp }[] = [
  { name: "no DESCRIPTION", members: [{ name: "foo.bar/R/a.R" }], reason: /no DESCRIPTION in its top directory$/ },
  { name: "DESCRIPTION too deep", members: [{ name: "a/b/DESCRIPTION", body }], reason: /no DESCRIPTION/ },
  { name: "DESCRIPTION without a directory", members: [{ name: "DESCRIPTION", body }], reason: /no DESCRIPTION/ },
  {
    name: "DESCRIPTION twice",
    members: [
      { name: "a/DESCRIPTION", body },
      { name: "b/DESCRIPTION", body: `${body}X: y\n` },
    ],
    reason: /would both be/,
  },
  {
    name: "DESCRIPTION in two cases",
    members: [
      { name: "a/DESCRIPTION", body },
      { name: "a/description", body },
    ],
    reason: /its manifest is called/,
  },
  {
    name: "a link as DESCRIPTION",
    members: [{ name: "a/DESCRIPTION", flag: "2", linkName: "x" }],
    reason: /not a file but a symlink/,
  },
  {
    name: "a link as top directory",
    members: [
      { name: "a", flag: "2", linkName: ".." },
      { name: "a/DESCRIPTION", body },
    ],
    reason: /is a link/,
  },
  {
    name: "a path out of the package",
    members: [{ name: "a/DESCRIPTION", body }, { name: "../x" }],
    reason: /leads out/,
  },
  {
    name: "what was built for a system",
    members: [{ name: "a/DESCRIPTION", body: `${body}Built: R 4.3.0; ; 2024; unix\n` }],
    reason: /not a source package but was built/,
  },
  {
    name: "two versions",
    members: [{ name: "a/DESCRIPTION", body: `${body}Version: 2.0\n` }],
    reason: /"Version" twice/,
  },
  {
    name: "two paragraphs",
    members: [{ name: "a/DESCRIPTION", body: `${body}\nPackage: bar\n` }],
    reason: /2 paragraphs/,
  },
  {
    name: "an npm package inside",
    members: [{ name: "package/package.json", body: "{}" }],
    reason: /looks like an npm package/,
  },
];
for (const { name, members, reason } of rejected) {
  test(`a package with ${name} is rejected`, async (t) => {
    await assert.rejects(readMembers(t, members), (error: Error & { code?: string }) => {
      assert.equal(error.code, "invalid");
      assert.match(error.message, /^foo\.bar_1\.0-1\.tar\.gz is not a valid R package: [^\n]+$/);
      assert.match(error.message, reason);
      return true;
    });
  });
}

test("names and versions that R never allowed are rejected", async (t) => {
  const table = [
    ...["", "a", "1a", "a.", "a_b", "a-b", "../x", "\u00e4b", "a".repeat(201)].map((name) => ({
      name,
      version: "1.0",
    })),
    ...["", "1", "1.a", "1..0", "../1", `1.${"0".repeat(200)}`].map((version) => ({ name: "foo", version })),
  ];
  for (const content of table) {
    const reading = readMembers(t, [{ name: "foo/DESCRIPTION", body: rDescription(content) }]);
    await assert.rejects(
      reading,
      { code: "invalid", message: /of an R package|has no (Package|Version)/ },
      JSON.stringify(content),
    );
  }
});

test("the sample is what an independent tool says it is", { skip: noShared }, async () => {
  const rows = readSampleManifest().filter(([file]) => file!.startsWith("cran/"));
  assert.equal(rows.length, 1);
  for (const [file, , , name, version] of rows) {
    const identity = await cran.read(packageFileAt(samplePath(...file!.split("/"))));
    assert.deepEqual([identity.name, identity.version, identity.warnings], [name, version, []]);
    assert.equal(identity.key, "src/contrib/rlang_1.1.5.tar.gz");
  }
});

test("hostile sample archives are rejected with a reason", { skip: noShared }, async () => {
  for (const folder of ["bad-tar", "bad-tar-gen"]) {
    for (const name of readdirSync(samplePath(folder)))
      await assert.rejects(cran.read(packageFileAt(samplePath(folder, name))), { code: "invalid" }, name);
  }
});
