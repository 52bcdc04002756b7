import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { pypi } from "../../../src/formats/pypi/format.ts";
import { coreMetadata, sdist, sha256, wheel } from "../../support/fixtures/pypi.ts";
import { tarArchive, type TarMember } from "../../support/fixtures/tar.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { noShared, samplePath } from "../../support/shared.ts";

async function rejects(t: TestContext, fileName: string, bytes: Buffer, reason: RegExp): Promise<void> {
  await assert.rejects(pypi.read(packageFile(t, fileName, bytes)), (error: Error & { code?: string }) => {
    assert.equal(error.code, "invalid");
    assert.match(error.message, / is not a valid Python package: [^\n]+$/);
    assert.match(error.message, reason);
    return true;
  });
}

const foo = { name: "foo", version: "1.0" };

/** RECORD of the wheel `foo`, with the given lines instead of the correct ones. */
function recordOf(lines: { METADATA?: string; WHEEL?: string; more?: string }): string {
  const WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
  const real = { METADATA: `sha256=${sha256(coreMetadata(foo))}`, WHEEL: `sha256=${sha256(WHEEL)}`, more: "" };
  const { METADATA, WHEEL: hash, more } = { ...real, ...lines };
  return `foo-1.0.dist-info/METADATA,${METADATA},\nfoo-1.0.dist-info/WHEEL,${hash},\n${more}`;
}

const good = "foo-1.0-py3-none-any.whl";
const wheels: { name: string; fileName?: string; bytes: Buffer; reason: RegExp }[] = [
  {
    name: "a file name of another project",
    fileName: "bar-1.0-py3-none-any.whl",
    bytes: wheel(foo),
    reason: /file name says bar 1\.0/,
  },
  {
    name: "a file name of another version",
    fileName: "foo-1.1-py3-none-any.whl",
    bytes: wheel(foo),
    reason: /file name says foo 1\.1/,
  },
  { name: "a file name of too few parts", fileName: "foo-1.0.whl", bytes: wheel(foo), reason: /not one of a wheel/ },
  {
    name: "a file name in upper case",
    fileName: "foo-1.0-py3-none-any.WHL",
    bytes: wheel(foo),
    reason: /not one of a wheel/,
  },
  {
    name: "a file name with other characters",
    fileName: "foo-1.0-py3-none-a\u202eny.whl",
    bytes: wheel(foo),
    reason: /not one of a wheel/,
  },
  {
    name: "a directory of another project",
    bytes: wheel({ ...foo, directory: "bar-1.0" }),
    reason: /lies in "bar-1\.0\.dist-info"/,
  },
  {
    name: "two directories",
    bytes: wheel({ ...foo, files: { "bar-1.0.dist-info/x": "" } }),
    reason: /2 \.dist-info directories/,
  },
  {
    name: "two directories of different case",
    bytes: wheel({ ...foo, files: { "FOO-1.0.dist-info/METADATA": coreMetadata(foo) } }),
    reason: /two files METADATA/,
  },
  {
    name: "a METADATA of other case",
    bytes: zipArchive([{ name: "foo-1.0.dist-info/metadata", body: coreMetadata(foo) }]),
    reason: /has no "foo-1\.0\.dist-info\/METADATA"/,
  },
  {
    name: "no WHEEL",
    bytes: zipArchive([
      { name: "foo-1.0.dist-info/METADATA", body: coreMetadata(foo) },
      { name: "foo-1.0.dist-info/RECORD", body: "" },
    ]),
    reason: /has no "foo-1\.0\.dist-info\/WHEEL"/,
  },
  {
    name: "a WHEEL of a later version",
    bytes: zipArchive([
      { name: "foo-1.0.dist-info/METADATA", body: coreMetadata(foo) },
      { name: "foo-1.0.dist-info/WHEEL", body: "Wheel-Version: 2.0\n" },
      { name: "foo-1.0.dist-info/RECORD", body: "" },
    ]),
    reason: /Wheel-Version 1/,
  },
  {
    name: "a RECORD without its METADATA",
    bytes: wheel({ ...foo, record: recordOf({}).replace(/.*METADATA.*\n/, "") }),
    reason: /RECORD does not list "foo-1\.0\.dist-info\/METADATA"/,
  },
  {
    name: "a METADATA that does not match its RECORD",
    bytes: wheel({ ...foo, record: recordOf({ METADATA: `sha256=${sha256("other")}` }) }),
    reason: /sha256 of ".*METADATA" does not match its RECORD/,
  },
  {
    name: "a WHEEL that does not match its RECORD",
    bytes: wheel({ ...foo, record: recordOf({ WHEEL: `sha256=${sha256("other")}` }) }),
    reason: /sha256 of ".*WHEEL" does not match/,
  },
  {
    name: "a RECORD with two hashes of one file",
    bytes: wheel({ ...foo, record: recordOf({ more: '"./foo-1.0.dist-info\\METADATA",sha256=x,1\n' }) }),
    reason: /lists "foo-1\.0\.dist-info\/METADATA" twice/,
  },
  {
    name: "an endless line in its RECORD",
    bytes: wheel({ ...foo, record: recordOf({ more: `"${"a".repeat(1_000_000)}` }) }),
    reason: /line longer than 8192/,
  },
  { name: "nothing of a wheel", bytes: zipArchive([{ name: "foo.py", body: "" }]), reason: /no \.dist-info directory/ },
  { name: "an egg", bytes: zipArchive([{ name: "EGG-INFO/PKG-INFO", body: "" }]), reason: /is an egg/ },
  { name: "two names", bytes: wheel({ ...foo, metadata: "Name: bar\n" }), reason: /field "Name" twice/ },
  { name: "no zip archive", bytes: Buffer.from("hello"), reason: /not a zip archive/ },
  {
    name: "a METADATA beyond the limit",
    bytes: wheel({ ...foo, metadata: `\n${"x".repeat(11_000_000)}` }),
    reason: /has more than 10 MiB/,
  },
];
for (const { name, fileName = good, bytes, reason } of wheels) {
  test(`a wheel with ${name} is rejected`, (t) => rejects(t, fileName, bytes, reason));
}

const oddRecords: { name: string; record: string; warnings: RegExp[] }[] = [
  { name: "as it should be", record: recordOf({ more: "foo-1.0.dist-info/RECORD,,\n" }), warnings: [] },
  { name: "with quotes and the line ends of Windows", record: quoteAll(recordOf({})), warnings: [] },
  {
    name: "without hashes",
    record: recordOf({ METADATA: "", WHEEL: "sm99=abc" }),
    warnings: [/has no hash of "foo/, /no hash that can be checked \("sm99=abc"\) of/],
  },
  {
    name: "with files that do not exist",
    record: recordOf({ more: "a.py,,\nb.py,,\nfoo-1.0.dist-info/RECORD.jws,,\n" }),
    warnings: [/lists 2 files that it does not have: "a\.py", \.\.\.$/],
  },
];
for (const { name, record, warnings } of oddRecords) {
  test(`a wheel with a RECORD ${name} is accepted${warnings.length > 0 ? " with a warning" : ""}`, async (t) => {
    const actual = (await pypi.read(packageFile(t, good, wheel({ ...foo, record })))).warnings;
    assert.equal(actual.length, warnings.length, actual.join("\n"));
    for (const [index, warning] of warnings.entries()) assert.match(actual[index]!, warning);
  });
}

function quoteAll(record: string): string {
  return record
    .replace(/^(.*),(.*),/gm, '"$1","$2",')
    .replaceAll("/", "\\")
    .replaceAll("\n", "\r\n");
}

test("files that are missing in a RECORD add a warning", async (t) => {
  const bytes = wheel({ ...foo, record: recordOf({}), files: { "foo.py": "", "foo-1.0.dist-info/RECORD.p7s": "" } });
  const { warnings } = await pypi.read(packageFile(t, good, bytes));
  assert.deepEqual(warnings, ['its RECORD does not list a file that it has: "foo.py"']);
});

const body = coreMetadata(foo);
const sources: { name: string; members: TarMember[]; reason: RegExp }[] = [
  { name: "no PKG-INFO", members: [{ name: "foo-1.0/setup.py" }], reason: /no PKG-INFO in its top directory$/ },
  { name: "PKG-INFO too deep", members: [{ name: "foo-1.0/foo.egg-info/PKG-INFO", body }], reason: /no PKG-INFO/ },
  {
    name: "PKG-INFO twice",
    members: [
      { name: "a/PKG-INFO", body },
      { name: "b/PKG-INFO", body: `${body}\n` },
    ],
    reason: /would both be/,
  },
  {
    name: "PKG-INFO behind dots",
    members: [
      { name: "a/PKG-INFO", body },
      { name: "a/.//PKG-INFO", body: `${body}\n` },
    ],
    reason: /would both be/,
  },
  {
    name: "PKG-INFO in two cases",
    members: [
      { name: "a/PKG-INFO", body },
      { name: "a/pkg-info", body },
    ],
    reason: /its manifest is called/,
  },
  {
    name: "a link as PKG-INFO",
    members: [{ name: "a/PKG-INFO", flag: "2", linkName: "/etc/passwd" }],
    reason: /is not a file/,
  },
  {
    name: "a link as top directory",
    members: [
      { name: "a", flag: "2", linkName: ".." },
      { name: "a/PKG-INFO", body },
    ],
    reason: /is a link/,
  },
  {
    name: "a path out of the package",
    members: [{ name: "a/PKG-INFO", body }, { name: "a/../../x" }],
    reason: /leads out/,
  },
  {
    name: "an npm package inside",
    members: [{ name: "package/package.json", body: "{}" }],
    reason: /looks like an npm package/,
  },
  {
    name: "a blank line before the version",
    members: [{ name: "a/PKG-INFO", body: "Name: foo\n\nVersion: 1.0\n" }],
    reason: /no Version/,
  },
  {
    name: "text that is not a field before the version",
    members: [{ name: "a/PKG-INFO", body: "Name: foo\nand more\nVersion: 1.0\n" }],
    reason: /no Version/,
  },
];
for (const { name, members, reason } of sources) {
  test(`a source package with ${name} is rejected`, (t) =>
    rejects(t, "foo-1.0.tar.gz", gzipSync(tarArchive(members)), reason));
}

test("names and versions that Python never allowed are rejected", async (t) => {
  const read = (metadata: string, reason: RegExp) =>
    rejects(t, "foo-1.0.tar.gz", gzipSync(tarArchive([{ name: "foo-1.0/PKG-INFO", body: metadata }])), reason);
  for (const name of ["", "a b", "../x", "-a", "a-", "_a", "\u00e4", "a/b", "a".repeat(201)]) {
    await read(coreMetadata({ name, version: "1.0" }), /name of a Python project|no Name/);
  }
  for (const version of ["", "1.x", "latest", "1.0+", "../1", `1.${"0".repeat(200)}`]) {
    await read(coreMetadata({ name: "foo", version }), /not a Python version|no Version/);
  }
});

test("other kinds of files are rejected with their kind", async (t) => {
  await rejects(t, "foo-1.0.egg", sdist(foo, ".zip"), /packages of the kind \.egg are not imported/);
  await rejects(t, "foo-1.0.tgz", sdist(foo), /kind \.tgz/);
  await rejects(t, "foo-1.0.gz", sdist(foo), /does not end like .* it is foo-1\.0\.tar\.gz/);
  await rejects(t, "foo-1.0.zip", sdist(foo), /it is gzip data/);
  await rejects(t, "foo-1.0.tar.bz2", sdist(foo), /it is gzip data/);
  await rejects(t, "foo-1.0.tar.gz", Buffer.alloc(0), /empty/);
  await rejects(t, "foo-1.0.tar.bz2", sdist(foo, ".tar.bz2").subarray(0, 150), /ends early/);
  await rejects(t, `${"a".repeat(255)}.tar.gz`.slice(-200), Buffer.from("x"), /not gzip data/);
});

test("hostile sample archives are rejected with a reason", { skip: noShared }, async () => {
  for (const folder of ["bad-tar", "bad-tar-gen", "bad-zip", "bad-zip-gen"]) {
    for (const name of readdirSync(samplePath(folder))) {
      const { path, size } = packageFileAt(samplePath(folder, name));
      for (const asName of folder.startsWith("bad-zip") ? [good] : ["foo-1.0.tar.gz"]) {
        await assert.rejects(pypi.read({ path, size, name: asName }), { code: "invalid" }, `${name} as ${asName}`);
      }
    }
  }
});
