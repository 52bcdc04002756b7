import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { pub } from "../../src/formats/pub.ts";
import { pubPackage } from "../support/fixtures/pub.ts";
import { tarArchive, type TarMember } from "../support/fixtures/tar.ts";
import { packageFile, packageFileAt } from "../support/package-file.ts";
import { packageFolder } from "../support/package-folder.ts";
import { noShared, samplePath } from "../support/shared.ts";

const body = "name: widget\nversion: 1.0.0\n";

function read(t: TestContext, pubspec: string, fileName = "widget-1.0.0.tar.gz") {
  return pub.read(packageFile(t, fileName, pubPackage(pubspec)));
}

function readMembers(t: TestContext, members: TarMember[]) {
  return pub.read(packageFile(t, "widget-1.0.0.tar.gz", gzipSync(tarArchive(members))));
}

test("a Dart package is read whole", async (t) => {
  const pubspec = `name: widget # ours
version: 1.10.0-dev.2+3
description: >-
  A widget
  of many lines
environment:
  sdk: ^3.0.0
dependencies:
  http: ^1.10
  flutter: {sdk: flutter}
  path:
scripts: none
`;
  const { sortKey, ...rest } = await read(t, pubspec, "widget-1.10.0-dev.2+3.tar.gz");
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "widget",
    nameKey: "widget",
    version: "1.10.0-dev.2+3",
    normalizedVersion: "1.10.0-dev.2+3",
    prerelease: true,
    qualifier: "",
    key: "packages/widget/versions/1.10.0-dev.2+3.tar.gz",
    contentType: "application/gzip",
    metadata: {
      description: "A widget of many lines",
      environment: { sdk: "^3.0.0" },
      dependencies: { http: "^1.10", flutter: { sdk: "flutter" }, path: "" },
    },
    warnings: [],
  });
});

test("build metadata makes another version", async (t) => {
  const first = await read(t, "name: widget\nversion: 1.0.0+1\n", "widget-1.0.0+1.tar.gz");
  const second = await read(t, "name: widget\nversion: '1.0.0+02'\n", "widget-1.0.0+2.tar.gz");
  assert.notEqual(first.key, second.key);
  assert.ok(Buffer.compare(first.sortKey, second.sortKey) < 0);
  assert.deepEqual([second.normalizedVersion, second.warnings], ["1.0.0+2", []]);
});

test("oddities that do not forbid the import are warnings", async (t) => {
  const table: [pubspec: string, fileName: string, warning: RegExp][] = [
    [body, "other.tar.gz", /by its manifest it is widget-1\.0\.0\.tar\.gz$/],
    [`${body}publish_to: none\n`, "widget-1.0.0.tar.gz", /refuse to publish/],
    ["name: Widget\nversion: 1.0.0\n", "Widget-1.0.0.tar.gz", /lower case/],
  ];
  for (const [pubspec, fileName, warning] of table) {
    const { warnings } = await read(t, pubspec, fileName);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, warning);
  }
});

const rejected: [pubspec: string, reason: RegExp][] = [
  ["", /not a YAML mapping|no "name"/],
  ["- a", /not a YAML mapping/],
  ["version: 1.0.0", /no "name"/],
  ["name: widget", /no "version"/],
  ["name:\nversion: 1.0.0", /no "name"/],
  ["name: [a]\nversion: 1.0.0", /"name" in its pubspec\.yaml is not text/],
  ["name: widget\nversion: {a: b}", /"version" in its pubspec\.yaml is not text/],
  ["name: a-b\nversion: 1.0.0", /not a name of Dart packages/],
  ["name: 1a\nversion: 1.0.0", /not a name of Dart packages/],
  ["name: ../a\nversion: 1.0.0", /not a name of Dart packages/],
  [`name: ${"a".repeat(65)}\nversion: 1.0.0`, /not a name of Dart packages/],
  ["name: widget\nversion: 1.0", /not a version of Dart packages/],
  ["name: widget\nversion: 1.0.0/../x", /not a version of Dart packages/],
  [`name: widget\nversion: 1.0.0+${"1".repeat(130)}`, /not a version of Dart packages/],
  ["name: a\nname: widget\nversion: 1.0.0", /key "name" twice/],
  ["a: &a [x]\nname: widget\nversion: *a", /version/],
  ["name: 'widget\nversion: 1.0.0", /not YAML/],
  [" ".repeat(11_000_000), /more than 10 MiB/],
];
test("wrong, incomplete and hostile manifests are rejected with a reason", async (t) => {
  for (const [pubspec, reason] of rejected)
    await assert.rejects(read(t, pubspec), { code: "invalid", message: reason }, pubspec.slice(0, 60));
});

const archives: { name: string; members: TarMember[]; reason: RegExp }[] = [
  { name: "no manifest", members: [{ name: "lib/a.dart" }], reason: /no pubspec\.yaml at its root$/ },
  {
    name: "a top directory",
    members: [{ name: "widget/pubspec.yaml", body }],
    reason: /no pubspec\.yaml at its root$/,
  },
  { name: "an npm package", members: [{ name: "package/package.json" }], reason: /it looks like an npm package/ },
  {
    name: "the manifest twice",
    members: [
      { name: "pubspec.yaml", body },
      { name: "./pubspec.yaml", body: `${body}\n` },
    ],
    reason: /would both/,
  },
  { name: "another case", members: [{ name: "Pubspec.yaml", body }], reason: /its manifest is called/ },
  {
    name: "a link as manifest",
    members: [{ name: "pubspec.yaml", flag: "2", linkName: "x" }],
    reason: /but a symlink/,
  },
  {
    name: "a path out of the package",
    members: [{ name: "pubspec.yaml", body }, { name: "../x" }],
    reason: /leads out/,
  },
  {
    name: "a link to the root",
    members: [
      { name: "pubspec.yaml", body },
      { name: "a", flag: "2", linkName: "/etc" },
    ],
    reason: /leads out/,
  },
  {
    name: "a link upwards",
    members: [
      { name: "pubspec.yaml", body },
      { name: "a/b", flag: "2", linkName: "../../x" },
    ],
    reason: /leads out/,
  },
  {
    name: "a hard link upwards",
    members: [
      { name: "pubspec.yaml", body },
      { name: "a/b", flag: "1", linkName: "../x" },
    ],
    reason: /leads out/,
  },
];
for (const { name, members, reason } of archives) {
  test(`an archive with ${name} is rejected`, async (t) => {
    await assert.rejects(readMembers(t, members), { code: "invalid", message: reason });
  });
}

test("links inside the package are accepted", async (t) => {
  const link = { name: "a/b/c", flag: "2", linkName: "../../lib/x" };
  assert.equal((await readMembers(t, [{ name: "./pubspec.yaml", body }, link])).name, "widget");
});

const noTar = spawnSync("tar", ["--version"]).status === 0 ? false : "no tar program";
test("an archive that the system's tar made is read", { skip: noTar }, async (t) => {
  const { directory, file } = packageFolder(t, { "pkg/pubspec.yaml": body, "pkg/lib/a.dart": "" });
  execFileSync("tar", ["-czf", "widget-1.0.0.tar.gz", "-C", "pkg", "."], { cwd: directory });
  const identity = await pub.read(file("widget-1.0.0.tar.gz"));
  assert.deepEqual([identity.key, identity.warnings], ["packages/widget/versions/1.0.0.tar.gz", []]);
});

test("hostile and foreign sample archives are rejected with a reason", { skip: noShared }, async () => {
  for (const folder of ["bad-tar", "bad-tar-gen", "helm", "cran"]) {
    for (const sample of readdirSync(samplePath(folder)))
      await assert.rejects(pub.read(packageFileAt(samplePath(folder, sample))), { code: "invalid" }, sample);
  }
});
