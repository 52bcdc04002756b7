import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { composer } from "../../src/formats/composer.ts";
import { composerPackage } from "../support/fixtures/composer.ts";
import { zipArchive } from "../support/fixtures/zip.ts";
import { packageFile, packageFileAt } from "../support/package-file.ts";
import { packageFolder } from "../support/package-folder.ts";
import { noShared, samplePath } from "../support/shared.ts";

const name = "acme/widget";

function read(t: TestContext, manifest: Record<string, unknown>, fileName: string, top = "") {
  return composer.read(packageFile(t, fileName, composerPackage(manifest, top)));
}

test("a Composer package is read whole", async (t) => {
  const { sortKey, ...rest } = await read(
    t,
    { name, version: "v1.2.0-beta.2", description: "A widget", license: "MIT", require: { php: ">=8" }, scripts: {} },
    "acme-widget-1.2.0-beta2.zip",
  );
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "acme",
    name: "widget",
    nameKey: "widget",
    version: "v1.2.0-beta.2",
    normalizedVersion: "1.2.0.0-beta2",
    prerelease: true,
    qualifier: "",
    key: "acme/widget/acme-widget-1.2.0.0-beta2.zip",
    contentType: "application/zip",
    metadata: { description: "A widget", license: "MIT", require: { php: ">=8" } },
    warnings: [],
  });
});

test("an abandoned package is deprecated, with the name of the one to use instead", async (t) => {
  const table = [
    [true, ""],
    ["acme/other", "abandoned; use acme/other instead"],
    ["not maintained", "not maintained"],
    [false, undefined],
    [undefined, undefined],
  ] as const;
  for (const [abandoned, deprecation] of table) {
    const bytes = zipArchive([
      { name: "composer.json", body: JSON.stringify({ name: "acme/it", version: "1.0.0", abandoned }) },
    ]);
    assert.equal((await composer.read(packageFile(t, "acme-it-1.0.0.zip", bytes))).deprecation, deprecation);
  }
});

test("a version that the manifest lacks comes from the file name, with a warning", async (t) => {
  const names = ["acme-widget-1.2.zip", "widget-v1.2.0.zip", "acme_widget.1.2.zip", "Acme-Widget-1.2.0.0.ZIP"];
  for (const fileName of names) {
    const identity = await read(t, { name }, fileName, "acme-widget-0a1b2c");
    assert.equal(identity.key, "acme/widget/acme-widget-1.2.0.0.zip");
    assert.match(identity.warnings.join("\n"), /^its composer\.json has no version; the file name says v?1\.2/);
  }
  for (const fileName of ["widget.zip", "acme-widget-0a1b2c.zip", "other-1.0.zip", "widget1.0.zip", "1.0.zip"])
    await assert.rejects(read(t, { name }, fileName), {
      code: "invalid",
      message: /no "version", and its name is not/,
    });
  await assert.rejects(read(t, { name }, "acme-widget-dev-main.zip"), {
    code: "invalid",
    message: /"dev-main" is a branch, not a version/,
  });
});

test("a file name that disagrees with the manifest only warns", async (t) => {
  for (const fileName of ["acme-widget-9.0.zip", "widget.zip", "other-1.0.zip"]) {
    const identity = await read(t, { name, version: "1.0" }, fileName);
    assert.equal(identity.key, "acme/widget/acme-widget-1.0.0.0.zip");
    assert.match(identity.warnings.join("\n"), /by its manifest it is acme-widget-1\.0\.zip$/);
  }
});

test("the manifest is at the root or in the only top directory", async (t) => {
  const body = JSON.stringify({ name, version: "1.0" });
  const table: [names: string[], reason: RegExp | undefined][] = [
    [["composer.json", "tests/composer.json"], undefined],
    [["top/composer.json", "top/vendor/composer.json", "top/a/b.php"], undefined],
    [["top/composer.json", "other/a.php"], /no composer\.json at its root/],
    [["top/composer.json", "README.md"], /no composer\.json at its root/],
    [["a/b/composer.json"], /no composer\.json at its root/],
    [[], /no composer\.json/],
    [["composer.json", "Composer.json"], /several composer\.json/],
    [["top/Composer.JSON"], /its manifest is called "top\/Composer\.JSON"/],
    [["composer.json", "../x"], /unsafe filename/],
  ];
  for (const [names, reason] of table) {
    const file = packageFile(t, "acme-widget-1.0.zip", zipArchive(names.map((each) => ({ name: each, body }))));
    if (reason === undefined) assert.equal((await composer.read(file)).name, "widget");
    else await assert.rejects(composer.read(file), { code: "invalid", message: reason }, names.join(" "));
  }
});

test("old names in upper case are the same package, with a warning", async (t) => {
  const identity = await read(t, { name: "Acme/Widget", version: "1.0" }, "Acme-Widget-1.0.zip");
  assert.deepEqual([identity.group, identity.name, identity.nameKey], ["acme", "Widget", "widget"]);
  assert.equal(identity.key, "acme/widget/acme-widget-1.0.0.0.zip");
  assert.match(identity.warnings.join("\n"), /lower case/);
});

const rejected: [manifest: Record<string, unknown>, reason: RegExp][] = [
  [{ version: "1.0" }, /no "name"/],
  [{ name: ["a/b"], version: "1.0" }, /no "name"/],
  ...[
    "acme",
    "a/b/c",
    "/a",
    "a/",
    "a b/c",
    "../a",
    "a/..",
    "-a/b",
    "a/b--",
    "a/ä",
    "a\\b/c",
    `a/${"b".repeat(101)}`,
  ].map((wrong): [Record<string, unknown>, RegExp] => [{ name: wrong, version: "1.0" }, /not a Composer package name/]),
  [{ name: `${"a".repeat(100_000)}!/b`, version: "1.0" }, /not a Composer package name/],
  [{ name, version: "dev-main" }, /"dev-main" is a branch/],
  [{ name, version: "1.x-dev" }, /is a branch/],
  [{ name, version: "latest" }, /not a Composer version/],
  [{ name, version: "1.0/../.." }, /not a Composer version/],
  [{ name, version: 1 }, /is not text/],
];
test("manifests that break Composer's rules are rejected with a reason", async (t) => {
  for (const [manifest, reason] of rejected)
    await assert.rejects(read(t, manifest, "acme-widget-1.0.zip"), { code: "invalid", message: reason });
});

const noZip = spawnSync("zip", ["-v"]).status === 0 ? false : "no zip program";
test("a package that Info-ZIP made is read", { skip: noZip }, async (t) => {
  const { directory, file } = packageFolder(t, { "top/composer.json": JSON.stringify({ name }), "top/src/a.php": "" });
  execFileSync("zip", ["-r", "widget-1.0.zip", "top"], { cwd: directory, stdio: "ignore" });
  assert.equal((await composer.read(file("widget-1.0.zip"))).key, "acme/widget/acme-widget-1.0.0.0.zip");
});

test("hostile and foreign sample archives are rejected with a reason", { skip: noShared }, async () => {
  for (const folder of ["bad-zip", "good-zip", "vsix", "nuget"]) {
    for (const sample of readdirSync(samplePath(folder)))
      await assert.rejects(composer.read(packageFileAt(samplePath(folder, sample))), { code: "invalid" }, sample);
  }
});
