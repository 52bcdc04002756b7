import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { conda } from "../../../src/formats/conda/format.ts";
import { bzip2 } from "../../support/fixtures/bzip2.ts";
import {
  condaIndex,
  condaInfo,
  condaTarBz2,
  dotConda,
  dotCondaMembers,
  type CondaPackage,
} from "../../support/fixtures/conda.ts";
import { tarArchive, type TarMember } from "../../support/fixtures/tar.ts";
import { zipArchive, type ZipMember } from "../../support/fixtures/zip.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { noShared, readSampleManifest, samplePath } from "../../support/shared.ts";
import { cpuTime } from "../../support/cpu.ts";

const foo: CondaPackage = { name: "foo", version: "1.0", build: "h1_0" };

function read(t: TestContext, bytes: Buffer, fileName = "foo-1.0-h1_0.conda") {
  return conda.read(packageFile(t, fileName, bytes));
}

test("a .conda file is read whole", async (t) => {
  const bytes = dotConda({ ...foo, index: { license: "MIT", timestamp: 1, unknown: 1 } });
  const { sortKey, ...rest } = await read(t, bytes);
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "foo",
    nameKey: "foo",
    version: "1.0",
    normalizedVersion: "1.0",
    prerelease: false,
    qualifier: "build=h1_0&subdir=linux-64&type=conda",
    key: "linux-64/foo-1.0-h1_0.conda",
    contentType: "application/octet-stream",
    metadata: { build: "h1_0", build_number: 0, depends: [], license: "MIT", timestamp: 1 },
    warnings: [],
  });
});

test("the older archive format of the same build is another file of the same version", async (t) => {
  const { key, qualifier, normalizedVersion } = await read(t, condaTarBz2(foo), "foo-1.0-h1_0.tar.bz2");
  assert.equal(key, "linux-64/foo-1.0-h1_0.tar.bz2");
  assert.equal(qualifier, "build=h1_0&subdir=linux-64&type=tar.bz2");
  assert.equal(normalizedVersion, "1.0");
});

test("early packages get their subdir from platform and architecture", async (t) => {
  for (const [index, subdir] of [
    [{ platform: "linux", arch: "x86_64" }, "linux-64"],
    [{ platform: "win", arch: "x86" }, "win-32"],
    [{ platform: "linux", arch: "armv7l" }, "linux-armv7l"],
    [{ platform: null, arch: null }, "noarch"],
    [{}, "noarch"],
  ] as const) {
    const { key } = await read(t, dotConda({ ...foo, index: { ...index, subdir: undefined } }));
    assert.equal(key, `${subdir}/foo-1.0-h1_0.conda`);
  }
});

const stem = "foo-1.0-h1_0";
const good = dotCondaMembers(stem, condaInfo(foo));
const [version, pkg, info] = good as [ZipMember, ZipMember, ZipMember];
const withInfo = (entries: TarMember[]) => zipArchive(dotCondaMembers(stem, entries));
const index = { name: "info/index.json", body: condaIndex(foo) };
const rejected: { name: string; fileName?: string; bytes: Buffer; reason: RegExp }[] = [
  {
    name: "another file name",
    fileName: "bar-1.0-h1_0.conda",
    bytes: zipArchive(good),
    reason: /says foo-1\.0-h1_0, but not its file name/,
  },
  {
    name: "archives of another name",
    bytes: zipArchive(dotCondaMembers("bar-1.0-h1_0", condaInfo(foo))),
    reason: /archives are called "bar-1\.0-h1_0"/,
  },
  {
    name: "archives of two names",
    bytes: zipArchive([version, pkg, { ...info, name: "info-bar-1.0-h1_0.tar.zst" }]),
    reason: /do not belong together/,
  },
  {
    name: "two info archives",
    bytes: zipArchive([...good, { ...info, name: "INFO-x.tar.zst" }]),
    reason: /2 archives info-/,
  },
  { name: "no info archive", bytes: zipArchive([version, pkg]), reason: /no info-\*\.tar\.zst/ },
  { name: "no pkg archive", bytes: zipArchive([version, info]), reason: /no pkg-\*\.tar\.zst/ },
  { name: "no metadata.json", bytes: zipArchive([pkg, info]), reason: /no metadata\.json/ },
  {
    name: "another format version",
    bytes: zipArchive([{ ...version, body: '{"conda_pkg_format_version": 3}' }, pkg, info]),
    reason: /format version 2/,
  },
  {
    name: "an archive of another compression",
    bytes: zipArchive([version, pkg, { ...info, name: `info-${stem}.tar.bz2` }]),
    reason: /is not called info-/,
  },
  {
    name: "an info archive that is not zstandard data",
    bytes: zipArchive([version, pkg, { ...info, body: "x" }]),
    reason: /damaged/,
  },
  {
    name: "an info archive that unpacks to too much",
    bytes: zipArchive([version, pkg, { ...info, body: zstdCompressSync(Buffer.alloc(257 * 1024 * 1024)) }]),
    reason: /info-.* unpacks to more than 256 MiB/,
  },
  { name: "no manifest", bytes: withInfo([{ name: "info/files" }]), reason: /no info\/index\.json/ },
  {
    name: "the manifest twice",
    bytes: withInfo([index, { ...index, name: "./info//index.json", body: "{}" }]),
    reason: /would both be/,
  },
  {
    name: "the manifest in two cases",
    bytes: withInfo([index, { ...index, name: "info/INDEX.json" }]),
    reason: /its manifest is called/,
  },
  {
    name: "a link as manifest",
    bytes: withInfo([{ name: "info/index.json", flag: "1", linkName: "x" }]),
    reason: /not a file but a hardlink/,
  },
  {
    name: "a link as info directory",
    bytes: withInfo([{ name: "info", flag: "2", linkName: ".." }, index]),
    reason: /directory "info" is a link/,
  },
  { name: "a path out of the package", bytes: withInfo([index, { name: "../x" }]), reason: /leads out/ },
  { name: "a manifest that is not JSON", bytes: withInfo([{ ...index, body: "{" }]), reason: /not JSON/ },
  {
    name: "a second manifest behind the files of a .tar.bz2",
    fileName: `${stem}.tar.bz2`,
    bytes: condaTarBz2(foo, [{ ...index, body: "{}" }]),
    reason: /would both be/,
  },
  {
    name: "a cut .tar.bz2",
    fileName: `${stem}.tar.bz2`,
    bytes: condaTarBz2(foo).subarray(0, -10),
    reason: /ends early/,
  },
  {
    name: "data after a .tar.bz2",
    fileName: `${stem}.tar.bz2`,
    bytes: Buffer.concat([condaTarBz2(foo), Buffer.from("x")]),
    reason: /data follows/,
  },
  {
    name: "another archive format than its file extension says",
    fileName: `${stem}.tar.bz2`,
    bytes: zipArchive(good),
    reason: /it is a zip archive/,
  },
];
for (const { name, fileName, bytes, reason } of rejected) {
  test(`a package with ${name} is rejected`, async (t) => {
    await assert.rejects(read(t, bytes, fileName), (error: Error & { code?: string }) => {
      assert.equal(error.code, "invalid");
      assert.match(error.message, / is not a valid conda package: [^\n]+$/);
      assert.match(error.message, reason);
      return true;
    });
  });
}

test("names, versions, builds and subdirs that conda never allowed are rejected", async (t) => {
  const table: Record<string, unknown>[] = [
    ...["", "Foo", "-foo", "a b", "../x", "\u00e4", 1, "a".repeat(201)].map((name) => ({ name })),
    ...["", "1-0", "1.0 ", "1..0", "a!1", "../1", 1, "1&2"].map((text) => ({ version: text })),
    ...["", "a-b", "a b", "../x", 0].map((build) => ({ build })),
    ...["", "..", "linux", "Linux-64", "linux-64/x", 1].map((subdir) => ({ subdir })),
    { subdir: undefined, platform: "constructor", arch: "constructor/.." },
  ];
  for (const members of table) {
    const reading = read(t, dotConda({ ...foo, index: members }));
    await assert.rejects(
      reading,
      { code: "invalid", message: /has no "|is not a|"subdir" that is not text/ },
      JSON.stringify(members),
    );
  }
});

test("a decompression bomb is stopped early", async (t) => {
  // 300 streams in a row, each of some fifty bytes that hold 120,000 zeros.
  const zeros = bzip2(Buffer.alloc(120_000));
  const head = bzip2(tarArchive([index, { name: "lib/a", size: 1024 ** 3 }], { endMarker: false }));
  const bytes = Buffer.concat([head, ...Array.from({ length: 300 }, () => zeros)]);
  const started = cpuTime();
  await assert.rejects(read(t, bytes, `${stem}.tar.bz2`), {
    code: "invalid",
    message: /more than 1,000 times its size/,
  });
  assert.ok(cpuTime() - started < 5000);
});

test("samples are what an independent tool says they are", { skip: noShared }, async () => {
  const rows = readSampleManifest().filter(([file]) => file!.startsWith("conda/"));
  assert.equal(rows.length, 23);
  for (const [file, , , name, expected, qualifier] of rows) {
    // All samples are in one folder, with their subdir before the name.
    const [subdir, fileName] = path.basename(file!).split("__") as [string, string];
    const sample = packageFileAt(samplePath(...file!.split("/")));
    const prefixed = await conda.read(sample);
    assert.equal(prefixed.key, `${subdir}/${fileName}`);
    assert.match(prefixed.warnings.join(), /the file is called ".*__.*", but by its info\/index.json it is/);
    const identity = await conda.read({ ...sample, name: fileName });
    assert.deepEqual([identity.name, identity.version], [name, expected]);
    assert.equal(`${String(identity.metadata["build"])}|${subdir}`, qualifier);
    assert.equal(identity.key, `${subdir}/${fileName}`);
    assert.deepEqual(identity.warnings, []);
  }
});

test("hostile sample archives are rejected with a reason", { skip: noShared }, async () => {
  for (const name of readdirSync(samplePath("bad-zip"))) {
    const sample = { ...packageFileAt(samplePath("bad-zip", name)), name: "foo-1.0-h1_0.conda" };
    await assert.rejects(conda.read(sample), { code: "invalid" }, name);
  }
});
