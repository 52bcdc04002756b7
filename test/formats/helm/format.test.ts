import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { helm } from "../../../src/formats/helm/format.ts";
import { chart, provenance, type Chart } from "../../support/fixtures/chart.ts";
import { tarArchive, type TarMember } from "../../support/fixtures/tar.ts";
import { packageFile } from "../../support/package-file.ts";
import { assertRejected, assertSamples, type Rejected } from "../../support/rejects.ts";
import { noShared } from "../../support/shared.ts";

function readChart(t: TestContext, content: Chart, fileName = `${content.name}-${content.version}.tgz`) {
  return helm.read(packageFile(t, fileName, chart(content)));
}

const yaml = `description: A chart
appVersion: 1.10
kubeVersion: ">=1.20"
keywords: [a, b]
dependencies:
  - name: mariadb
    version: 4.x
`;

test("a chart is read whole, its values as Helm reads them", async (t) => {
  const { sortKey, ...rest } = await readChart(t, { name: "foo", version: "1.2.3-rc.1", yaml });
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "foo",
    nameKey: "foo",
    version: "1.2.3-rc.1",
    normalizedVersion: "1.2.3-rc.1",
    prerelease: true,
    qualifier: "",
    key: "foo/foo-1.2.3-rc.1.tgz",
    contentType: "application/gzip",
    metadata: {
      apiVersion: "v2",
      appVersion: "1.1",
      description: "A chart",
      kubeVersion: ">=1.20",
      keywords: ["a", "b"],
      dependencies: [{ name: "mariadb", version: "4.x" }],
    },
    warnings: [],
  });
});

const scalars: [written: string, read: string | undefined][] = [
  ["1.10", "1.1"],
  ["'1.10'", "1.10"],
  ["!!str 1.10", "1.10"],
  ["1.10.0", "1.10.0"],
  ["v1.10", "v1.10"],
  ["&v 1.2", "1.2"],
  ["010", "8"],
  ["0x10", "16"],
  ["1_0", "10"],
  ["1.0", "1"],
  ["999999.5", "999999.5"],
  ["0.1234567891", "0.12345679"],
  ["20261130", "20261130"],
  ["2026-11-30", "2026-11-30"],
  // helm has no version either: 1e+06, true, nothing
  ["1000000.0", undefined],
  ["yes", undefined],
  ["~", undefined],
];
for (const [written, version] of scalars) {
  test(`the version ${written} is read as Helm reads it`, async (t) => {
    const reading = readChart(t, { name: "foo", version: written }, `foo-${version}.tgz`);
    if (version === undefined) return assert.rejects(reading, /version/);
    const identity = await reading;
    assert.deepEqual([identity.version, identity.key, identity.warnings], [version, `foo/foo-${version}.tgz`, []]);
  });
}

test("aliases of a chart are read", async (t) => {
  const aliases = "appVersion: *v\nmaintainers: [&me { name: Me }, *me]\n";
  const { version, metadata } = await readChart(
    t,
    { name: "foo", version: "&v 1.2.3", yaml: aliases },
    "foo-1.2.3.tgz",
  );
  const me = { name: "Me" };
  assert.deepEqual([version, metadata["appVersion"], metadata["maintainers"]], ["1.2.3", "1.2.3", [me, me]]);
});

test("a provenance file is the second file of the chart's version", async (t) => {
  const content: Chart = { name: "foo", version: "1.2.3", yaml: "maintainers:\n- name: Somebody\n" };
  const file = packageFile(t, "foo-1.2.3.tgz.prov", Buffer.from(provenance(content)));
  const [identity, owner] = [await helm.read(file), await readChart(t, content)];
  assert.deepEqual(
    [identity.nameKey, identity.normalizedVersion, identity.sortKey],
    [owner.nameKey, owner.normalizedVersion, owner.sortKey],
  );
  assert.equal(identity.qualifier, "kind=provenance");
  assert.equal(identity.key, `${owner.key}.prov`);
  assert.deepEqual(identity.metadata["maintainers"], [{ name: "Somebody" }]);
  assert.deepEqual(identity.warnings, []);
});

test("the hash in a provenance file must match the chart beside it, if there is one", async (t) => {
  const content: Chart = { name: "foo", version: "1.2.3" };
  const file = packageFile(t, "foo-1.2.3.tgz.prov", Buffer.from(provenance(content)));
  writeFileSync(path.join(path.dirname(file.path), "foo-1.2.3.tgz"), chart(content));
  assert.deepEqual((await helm.read(file)).warnings, []);
  writeFileSync(path.join(path.dirname(file.path), "foo-1.2.3.tgz"), chart({ ...content, yaml: "home: x\n" }));
  await assert.rejects(helm.read(file), { code: "invalid", message: /other bytes than those of "foo-1\.2\.3\.tgz"/ });
});

test("charts whose names and versions make the same file name have different keys", async (t) => {
  const [a, b] = [
    await readChart(t, { name: "foo-1.0.0", version: "2.0.0" }),
    await readChart(t, { name: "foo", version: "1.0.0-2.0.0" }),
  ];
  assert.equal(path.posix.basename(a.key), path.posix.basename(b.key));
  assert.notEqual(a.key, b.key);
});

test("a leading v, omitted numbers and build metadata stay in the key and do not affect the order", async (t) => {
  const read = async (version: string) => readChart(t, { name: "foo", version });
  const whole = await read("1.2.0");
  for (const version of ["v1.2.0", "1.2", "v1.2", "1.2.0+up1"]) {
    const identity = await read(version);
    assert.equal(identity.key, `foo/foo-${version}.tgz`);
    assert.deepEqual(identity.sortKey, whole.sortKey);
    assert.deepEqual(identity.warnings, []);
  }
});

test("dependencies of a chart with apiVersion v1 come from requirements.yaml", async (t) => {
  const files = [{ name: "foo/requirements.yaml", body: "dependencies:\n- name: bar\n" }];
  const { metadata } = await readChart(t, { name: "foo", version: "1.0.0", files });
  assert.deepEqual(metadata["dependencies"], [{ name: "bar" }]);
});

const warned: { name: string; content: Chart; fileName?: string; warning: RegExp }[] = [
  {
    name: "another file name",
    content: { name: "foo", version: "1.0.0" },
    fileName: "x.tgz",
    warning: /called "x\.tgz".*foo-1\.0\.0\.tgz/,
  },
  {
    name: "another directory",
    content: { name: "foo", version: "1.0.0", directory: "bar" },
    warning: /directory is called "bar"/,
  },
];
for (const { name, content, fileName, warning } of warned) {
  test(`${name} only warns`, async (t) => {
    const { warnings } = await readChart(t, content, fileName);
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0]!, warning);
  });
}

test("charts inside the chart are not its manifest", async (t) => {
  const files = [{ name: "foo/charts/bar/Chart.yaml", body: "name: bar\n" }];
  assert.equal((await readChart(t, { name: "foo", version: "1.0.0", files })).name, "foo");
});

const inTar = (...members: TarMember[]): Buffer => gzipSync(tarArchive(members));
const main: TarMember = { name: "foo/Chart.yaml", body: "apiVersion: v1\nname: foo\nversion: 1.0.0\n" };
const other: TarMember = { ...main, body: `${String(main.body)}\n` };
const withManifest = (body: string): Buffer => inTar({ name: "foo/Chart.yaml", body });
const rejected: Rejected[] = [
  { name: "nothing", bytes: Buffer.alloc(0), reason: /the file is empty/ },
  { name: "a text", bytes: Buffer.from("hello"), reason: /not gzip data/ },
  { name: "no manifest", bytes: inTar({ name: "foo/values.yaml" }), reason: /has no Chart\.yaml$/ },
  { name: "an npm package", bytes: inTar({ name: "package/package.json" }), reason: /looks like an npm package/ },
  { name: "two manifests", bytes: inTar(main, other), reason: /would both be its Chart\.yaml/ },
  {
    name: "two directories with manifests",
    bytes: inTar(main, { ...other, name: "bar/Chart.yaml" }),
    reason: /would both be/,
  },
  {
    name: "a second one behind a backslash",
    bytes: inTar(main, { ...other, name: "foo\\Chart.yaml" }),
    reason: /would both be/,
  },
  {
    name: "a second one in other case",
    bytes: inTar(main, { ...main, name: "foo/chart.yaml" }),
    reason: /its Chart\.yaml is called/,
  },
  {
    name: "a manifest in other case",
    bytes: inTar({ ...main, name: "foo/chart.yaml" }),
    reason: /is called "foo\/chart\.yaml"/,
  },
  {
    name: "a link as manifest",
    bytes: inTar({ name: "foo/Chart.yaml", flag: "2", linkName: "x" }),
    reason: /not a file but a symlink/,
  },
  { name: "a way out", bytes: inTar(main, { name: "../x" }), reason: /leads out/ },
  { name: "invalid YAML", bytes: withManifest("a: b: c"), reason: /Chart\.yaml is not YAML/ },
  { name: "no mapping", bytes: withManifest("- a"), reason: /not a YAML mapping/ },
  { name: "a name twice", bytes: withManifest("name: foo\nname: bar\nversion: 1.0.0\n"), reason: /twice/ },
  { name: "no name", bytes: withManifest("version: 1.0.0\n"), reason: /no "name"/ },
  {
    name: "a hostile name",
    bytes: withManifest("name: ../x\nversion: 1.0.0\n"),
    reason: /not the name of a Helm chart/,
  },
  { name: "no version", bytes: withManifest("name: foo\n"), reason: /no "version"/ },
  ...["latest", "1.0.0.0", "01.0.0", "1.0.0-01", "vv1.0.0"].map((version) => ({
    name: `the version ${version}`,
    bytes: withManifest(`name: foo\nversion: ${version}\n`),
    reason: /not a semantic version/,
  })),
];
for (const { name, bytes, reason } of rejected) {
  test(`${name} is rejected`, (t) => assertRejected(t, helm, "foo-1.0.0.tgz", bytes, reason));
}

const sound = provenance({ name: "foo", version: "1.0.0" });
const rejectedProvenances: { name: string; text: string; reason: RegExp }[] = [
  { name: "empty", text: "", reason: /not a clear-signed PGP message/ },
  { name: "not signed", text: "name: foo\n", reason: /not a clear-signed PGP message/ },
  { name: "cut", text: sound.slice(0, -40), reason: /not a clear-signed PGP message/ },
  { name: "doubled", text: sound + sound, reason: /more than one signed message/ },
  { name: "followed by something", text: `${sound}x\n`, reason: /more than one signed message/ },
  { name: "preceded by something", text: `x\n${sound}`, reason: /not a clear-signed PGP message/ },
  { name: "without hashes", text: sound.replace("\n...\n", "\n"), reason: /no line "\.\.\."/ },
  { name: "without files", text: sound.replace(/ {2}foo-.*\n/, ""), reason: /vouches for 0 files/ },
  { name: "with two files", text: sound.replace(/( {2}foo-)(.*\n)/, "$1$2  bar$2"), reason: /vouches for 2 files/ },
  { name: "with another hash", text: sound.replace("sha256:", "md5:"), reason: /no sha256 of "foo-1\.0\.0\.tgz"/ },
  { name: "without a name", text: sound.replace("name: foo\n", ""), reason: /no "name"/ },
  { name: "very long", text: sound + " ".repeat(11_000_000), reason: /it has more than 10 MiB/ },
];
for (const { name, text, reason } of rejectedProvenances) {
  test(`a provenance file that is ${name} is rejected`, (t) =>
    assertRejected(t, helm, "foo-1.0.0.tgz.prov", Buffer.from(text), reason));
}

test("a provenance file for another name only warns", async (t) => {
  const text = sound.replace("  foo-1.0.0.tgz", "  bar-1.0.0.tgz");
  const { warnings } = await helm.read(packageFile(t, "foo-1.0.0.tgz.prov", Buffer.from(text)));
  assert.deepEqual(warnings, ['it vouches for "bar-1.0.0.tgz", but by its Chart.yaml the chart is foo-1.0.0.tgz']);
});

test("the samples have the identities that Python's tarfile read", { skip: noShared }, async () => {
  await assertSamples(helm, "helm", { count: 14, skip: (file) => file.endsWith(".prov") });
});
