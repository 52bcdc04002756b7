import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { terraform } from "../../../src/formats/universal/terraform.ts";
import { universal } from "../../../src/formats/universal/format.ts";
import { upack } from "../../support/fixtures/upack.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { packageFolder } from "../../support/package-folder.ts";
import { noShared, samplePath } from "../../support/shared.ts";

type Manifest = Record<string, unknown>;

function read(t: TestContext, manifest: Manifest, fileName: string, files?: Record<string, string>) {
  return universal.read(packageFile(t, fileName, upack(manifest, files)));
}

function readModule(t: TestContext, manifest: Manifest, files: Record<string, string> = { "main.tf": "" }) {
  const fileName = `${String(manifest["name"])}-${String(manifest["version"])}.upack`;
  return terraform.read(packageFile(t, fileName, upack(manifest, files)));
}

test("a universal package is read whole", async (t) => {
  const identity = await read(
    t,
    {
      group: "Acme/Tools",
      name: "Widget",
      version: "1.2.3-rc.1+build",
      title: "A widget",
      tags: ["x"],
      dependencies: ["acme:other:1.0.0"],
      _own: { a: 1 },
      unknown: "left out",
    },
    "Widget-1.2.3-rc.1.upack",
  );
  const { sortKey, ...rest } = identity;
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "acme/tools",
    name: "Widget",
    nameKey: "widget",
    version: "1.2.3-rc.1+build",
    normalizedVersion: "1.2.3-rc.1",
    prerelease: true,
    qualifier: "",
    key: "acme/tools/widget/widget-1.2.3-rc.1.upack",
    contentType: "application/zip",
    metadata: {
      title: "A widget",
      tags: ["x"],
      dependencies: ["acme:other:1.0.0"],
      _own: { a: 1 },
      group: "Acme/Tools",
    },
    warnings: [],
  });
});

test("packages of one name in different groups are different, and letter case does not matter", async (t) => {
  const keys = [];
  for (const group of [undefined, null, "", "a", "A", "a/b"])
    keys.push((await read(t, { group, name: "b", version: "1.0.0" }, "b-1.0.0.upack")).key);
  const [bare, a, ab] = ["b/b-1.0.0.upack", "a/b/b-1.0.0.upack", "a/b/b/b-1.0.0.upack"];
  assert.deepEqual(keys, [bare, bare, bare, a, a, ab]);
});

test("a virtual package is recognised by its contents and has a key of its own", async (t) => {
  const manifest = { name: "all", version: "1.0.0", contents: [{ source: "a:b:1.0.0", path: "x" }] };
  const identity = await read(t, manifest, "all-1.0.0.vpack", {});
  assert.deepEqual([identity.key, identity.qualifier], ["all/all-1.0.0.vpack", "kind=virtual"]);
  assert.deepEqual(identity.metadata["contents"], manifest.contents);
  const misnamed = await read(t, manifest, "all-1.0.0.upack", {});
  assert.equal(misnamed.key, "all/all-1.0.0.vpack");
  assert.equal(misnamed.warnings.length, 1);
  const table: [manifest: Manifest, files: Record<string, string>, reason: RegExp][] = [
    [{ name: "all", version: "1.0.0" }, {}, /does not have the "contents"/],
    [{ name: "all", version: "1.0.0", contents: [] }, {}, /does not have the "contents"/],
    [manifest, { "a.txt": "a" }, /both content and the "contents"/],
  ];
  for (const [content, files, reason] of table)
    await assert.rejects(read(t, content, "all-1.0.0.vpack", files), { code: "invalid", message: reason });
});

test("a file name that disagrees with the manifest only warns", async (t) => {
  const manifest = { group: "g", name: "real", version: "1.0.0" };
  assert.match(
    (await read(t, manifest, "other-9.0.0.upack")).warnings.join("\n"),
    /by its manifest it is real-1\.0\.0\.upack$/,
  );
  for (const fileName of ["real-1.0.0.upack", "REAL.1.0.0.UPACK"])
    assert.deepEqual((await read(t, manifest, fileName)).warnings, []);
});

const base = { name: "a", version: "1.0.0" };
const rejected: [manifest: Manifest, reason: RegExp][] = [
  [{ version: "1.0.0" }, /no "name"/],
  [{ name: "a" }, /no "version"/],
  [{ ...base, name: ["a"] }, /no "name"/],
  [{ ...base, version: 1 }, /no "version"/],
  ...["a b", "a/b", "..", "ä", "a".repeat(51)].map((name): [Manifest, RegExp] => [{ ...base, name }, /not a name/]),
  ...["/a", "a/", "a//b", "../a", "a/./b", "a b", "a\\b", 1, ["a"], "a".repeat(251)].map(
    (group): [Manifest, RegExp] => [{ ...base, group }, /not a group/],
  ),
  ...["1.0", "v1.0.0", "=1.0.0", " 1.0.0", "1.0.0 ", "01.0.0", "1.0.0-01", "1.0.0/..", "1".repeat(129)].map(
    (version): [Manifest, RegExp] => [{ ...base, version }, /not a semantic version/],
  ),
];
test("manifests that break the rules are rejected by what they break", async (t) => {
  for (const [manifest, reason] of rejected)
    await assert.rejects(read(t, manifest, "a.upack"), { code: "invalid", message: reason }, JSON.stringify(manifest));
});

test("a package without exactly one manifest at its root is rejected", async (t) => {
  const table: [names: string[], reason: RegExp][] = [
    [[], /no upack\.json at its root$/],
    [["package/upack.json"], /no upack\.json at its root$/],
    [["upack.json", "UPACK.json"], /2 upack\.json files/],
    [["Upack.json"], /its manifest is called "Upack\.json"/],
    [["upack.json", "../x"], /unsafe filename/],
  ];
  for (const [names, reason] of table) {
    const archive = zipArchive(names.map((name) => ({ name, body: JSON.stringify(base) })));
    await assert.rejects(universal.read(packageFile(t, "a-1.0.0.upack", archive)), {
      code: "invalid",
      message: reason,
    });
  }
  const bomb = zipArchive([{ name: "upack.json", body: Buffer.alloc(11_000_000, " ") }]);
  await assert.rejects(universal.read(packageFile(t, "a-1.0.0.upack", bomb)), { message: /has more than 10 MiB/ });
});

test("a Terraform module is namespace, module and provider", async (t) => {
  const identity = await readModule(t, { group: "Acme", name: "vpc.aws", version: "2.0.0", description: "A net" });
  assert.deepEqual(
    [identity.group, identity.name, identity.key, identity.qualifier, identity.warnings],
    ["acme", "vpc.aws", "acme/vpc/aws/vpc.aws-2.0.0.upack", "", []],
  );
  const empty = await readModule(t, { group: "acme", name: "vpc.aws", version: "2.0.0" }, { "x.txt": "x" });
  assert.match(empty.warnings.join("\n"), /no \.tf file/);
  const wrong: [manifest: Manifest, reason: RegExp][] = [
    [{ name: "vpc.aws" }, /no "group", which is the module's namespace/],
    [{ group: "a/b", name: "vpc.aws" }, /not a Terraform namespace/],
    [{ group: "-a", name: "vpc.aws" }, /not a Terraform namespace/],
    [{ group: "a", name: "vpc" }, /not a module and a provider/],
    [{ group: "a", name: "vpc.x.aws" }, /not a module and a provider/],
    [{ group: "a", name: "vpc.aws_2" }, /not a module and a provider/],
    [{ group: "a", name: "vpc.aws", version: "1.0" }, /not a valid Terraform module: "1\.0" is not a semantic/],
  ];
  for (const [manifest, reason] of wrong)
    await assert.rejects(readModule(t, { version: "1.0.0", ...manifest }), { code: "invalid", message: reason });
  const virtual = { group: "a", name: "vpc.aws", version: "1.0.0", contents: [{}] };
  await assert.rejects(readModule(t, virtual, {}), { code: "invalid", message: /virtual package/ });
});

const noZip = spawnSync("zip", ["-v"]).status === 0 ? false : "no zip program";
test("a package that Info-ZIP made is read", { skip: noZip }, async (t) => {
  const { directory, file } = packageFolder(t, { "upack.json": JSON.stringify(base), "package/a/b.txt": "b" });
  execFileSync("zip", ["-r", "a-1.0.0.upack", "upack.json", "package"], { cwd: directory, stdio: "ignore" });
  const identity = await universal.read(file("a-1.0.0.upack"));
  assert.deepEqual([identity.key, identity.warnings], ["a/a-1.0.0.upack", []]);
});

test("hostile and foreign sample archives are rejected with a reason", { skip: noShared }, async () => {
  for (const folder of ["bad-zip", "vsix", "nuget"]) {
    for (const name of readdirSync(samplePath(folder)))
      await assert.rejects(universal.read(packageFileAt(samplePath(folder, name))), { code: "invalid" }, name);
  }
});
