import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { vsix } from "../../../src/formats/vsix/format.ts";
import { codeExtension, codeManifest, studioManifest, type CodeExtension } from "../../support/fixtures/vsix.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { packageFolder } from "../../support/package-folder.ts";
import { noShared, readSampleManifest, samplePath } from "../../support/shared.ts";

const widget: CodeExtension = { publisher: "Acme", name: "Widget", version: "1.2.3" };

function readCode(t: TestContext, content: CodeExtension, fileName = "Acme.Widget-1.2.3.vsix") {
  return vsix.read(packageFile(t, fileName, codeExtension(content)));
}

function readManifest(t: TestContext, manifest: string | Buffer) {
  return vsix.read(packageFile(t, "x.vsix", zipArchive([{ name: "extension.vsixmanifest", body: manifest }])));
}

test("an extension of VS Code is read whole", async (t) => {
  const { sortKey, ...rest } = await readCode(t, {
    ...widget,
    properties: '<Property Id="Microsoft.VisualStudio.Code.Engine" Value="^1.80.0"/>',
  });
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "Acme.Widget",
    nameKey: "acme.widget",
    version: "1.2.3",
    normalizedVersion: "1.2.3",
    prerelease: false,
    qualifier: "",
    key: "acme.widget/1.2.3/acme.widget-1.2.3.vsix",
    contentType: "application/zip",
    metadata: {
      displayName: "Widget",
      description: "A widget",
      publisher: "Acme",
      language: "en-US",
      tags: ["a", "b"],
      categories: ["Other"],
      engine: "^1.80.0",
      installationTargets: [{ Id: "Microsoft.VisualStudio.Code" }],
      dependencies: [],
    },
    warnings: [],
  });
});

test("files for several platforms are one version with a qualifier and a key each", async (t) => {
  const table: [platform: string | undefined, qualifier: string, key: string][] = [
    [undefined, "", "acme.widget/1.2.3/acme.widget-1.2.3.vsix"],
    ["universal", "", "acme.widget/1.2.3/acme.widget-1.2.3.vsix"],
    ["win32-x64", "targetPlatform=win32-x64", "acme.widget/1.2.3/acme.widget-1.2.3@win32-x64.vsix"],
    ["web", "targetPlatform=web", "acme.widget/1.2.3/acme.widget-1.2.3@web.vsix"],
  ];
  for (const [targetPlatform, qualifier, key] of table) {
    const identity = await readCode(t, { ...widget, targetPlatform });
    assert.deepEqual([identity.qualifier, identity.key, identity.normalizedVersion], [qualifier, key, "1.2.3"]);
  }
});

test("a prerelease of VS Code is recognised by its property, one of Visual Studio by its preview flag", async (t) => {
  const properties = '<Property Id="Microsoft.VisualStudio.Code.PreRelease" Value="true"/>';
  assert.ok((await readCode(t, { ...widget, properties })).prerelease);
  assert.ok((await readManifest(t, studioManifest("a", "1.0", "<Preview>true</Preview>"))).prerelease);
  assert.ok(!(await readManifest(t, studioManifest("a", "1.0", "<Preview>false</Preview>"))).prerelease);
});

test("an extension of Visual Studio is identified by its id, whatever its publisher and its file name", async (t) => {
  for (const id of ["Widget.Acme.0c5c7a4e-1a7c-4b9c-8f2b-0a6b1c2d3e4f", "{0c5c7a4e}", "Old Widget", "Project1..0c5c"]) {
    const identity = await readManifest(t, studioManifest(id, "1.02.0.10"));
    assert.deepEqual([identity.name, identity.normalizedVersion, identity.warnings], [id, "1.2.0.10", []]);
    assert.equal(identity.key, `${id}/1.2.0.10/${id}-1.2.0.10.vsix`.toLowerCase());
    assert.equal(identity.metadata["publisher"], "Somebody with a name");
  }
});

test("the manifest of Visual Studio 2010 is read", async (t) => {
  const identity = await readManifest(
    t,
    `<Vsix xmlns="http://schemas.microsoft.com/developer/vsx-schema/2010" Version="1.0.0"><Identifier Id="Acme.Widget">
    <Name>Widget</Name><Author>Somebody</Author><Version>1.0</Version><Locale>1033</Locale></Identifier></Vsix>`,
  );
  assert.deepEqual(
    [identity.name, identity.version, identity.metadata["publisher"]],
    ["Acme.Widget", "1.0", "Somebody"],
  );
});

test("only file names that no tool makes add a warning", async (t) => {
  const fine = [
    "acme.widget-1.2.3.vsix",
    "Widget-1.2.3.vsix",
    "widget-linux-x64-1.2.3.vsix",
    "Acme.Widget-1.2.3@web.vsix",
  ];
  for (const fileName of [...fine, "acme.widget-1.2.3-2.vsix"])
    assert.deepEqual((await readCode(t, widget, fileName)).warnings, [], fileName);
  for (const fileName of ["widget.vsix", "other-1.2.3.vsix", "acme.widget-9.9.9.vsix"]) {
    const { warnings, key } = await readCode(t, widget, fileName);
    assert.match(warnings.join("\n"), /by its manifest it is Acme\.Widget-1\.2\.3\.vsix$/);
    assert.equal(key, "acme.widget/1.2.3/acme.widget-1.2.3.vsix");
  }
});

test("VS Code's own manifest may disagree, with a warning", async (t) => {
  for (const packageJson of [{ publisher: "Acme", name: "Widget", version: "9.0.0" }, { name: "Widget" }, {}]) {
    const identity = await readCode(t, { ...widget, packageJson });
    assert.equal(identity.name, "Acme.Widget");
    assert.match(
      identity.warnings.join("\n"),
      /^its extension\/package\.json says .*, its manifest Acme\.Widget 1\.2\.3$/,
    );
  }
  const { warnings } = await readManifest(t, codeManifest({ ...widget }));
  assert.match(warnings.join("\n"), /has no extension\/package\.json/);
});

const rejected: [manifest: string | Buffer, reason: RegExp][] = [
  ["", /XML/],
  ["<html/>", /not a "PackageManifest" but a "html"/],
  ["<PackageManifest/>", /no "Metadata"/],
  ["<PackageManifest><Metadata/></PackageManifest>", /no "Identity"/],
  ["<Vsix/>", /no "Identifier"/],
  ['<Vsix><Identifier Id="a"/></Vsix>', /no "Version"/],
  [studioManifest("", "1.0"), /no "Id"/],
  [studioManifest("a", ""), /no "Version"/],
  [studioManifest("../a", "1.0"), /not an id of Visual Studio/],
  [studioManifest("a.", "1.0"), /not an id of Visual Studio/],
  [studioManifest("a".repeat(201), "1.0"), /not an id of Visual Studio/],
  [studioManifest("a", "1.0.0.0.0"), /not an extension's version/],
  [studioManifest("a", "|a;GetVersion|"), /not an extension's version/],
  [studioManifest("a", "1".repeat(129)), /not an extension's version/],
  [studioManifest("a", "1.0", '<Identity Id="b" Version="2"/>'), /2 elements "Identity"/],
  [codeManifest({ ...widget, publisher: "" }), /no "Publisher"/],
  [codeManifest({ ...widget, publisher: "a.b" }), /not a name of VS Code/],
  [codeManifest({ ...widget, name: "a/b" }), /not a name of VS Code/],
  [codeManifest({ ...widget, targetPlatform: "../x" }), /not a platform/],
  [codeManifest(widget).replace("?>", '?><!DOCTYPE x [<!ENTITY a "b">]>'), /DOCTYPE/],
  [Buffer.alloc(11_000_000, " "), /has more than 10 MiB/],
];
test("wrong, incomplete and hostile manifests are rejected with a reason", async (t) => {
  for (const [manifest, reason] of rejected)
    await assert.rejects(
      readManifest(t, manifest),
      { code: "invalid", message: reason },
      String(manifest).slice(0, 200),
    );
});

test("an archive without exactly one manifest is rejected", async (t) => {
  const table: [names: string[], reason: RegExp][] = [
    [[], /no extension\.vsixmanifest/],
    [["sub/extension.vsixmanifest"], /no extension\.vsixmanifest/],
    [["extension.vsixmanifest", "Extension.VsixManifest"], /2 manifests/],
  ];
  for (const [names, reason] of table) {
    const archive = zipArchive(names.map((name) => ({ name, body: studioManifest("a", "1.0") })));
    await assert.rejects(vsix.read(packageFile(t, "a.vsix", archive)), { code: "invalid", message: reason });
  }
});

test("real extensions are read as an independent tool reads them", { skip: noShared }, async () => {
  const rows = readSampleManifest().filter(([name]) => name!.startsWith("vsix/"));
  assert.equal(rows.length, 6);
  for (const [name, , , id, version, , refusal] of rows) {
    const read = vsix.read(packageFileAt(samplePath(name!)));
    if (refusal !== "") {
      await assert.rejects(read, { code: "invalid" });
      continue;
    }
    const identity = await read;
    assert.deepEqual([identity.name, identity.version], [id, version]);
  }
});

const noZip = spawnSync("zip", ["-v"]).status === 0 ? false : "no zip program";
test("an extension that Info-ZIP made is read", { skip: noZip }, async (t) => {
  const { directory, file } = packageFolder(t, {
    "extension.vsixmanifest": codeManifest(widget),
    "extension/package.json": JSON.stringify(widget),
  });
  execFileSync("zip", ["-r", "widget-1.2.3.vsix", "."], { cwd: directory, stdio: "ignore" });
  const identity = await vsix.read(file("widget-1.2.3.vsix"));
  assert.deepEqual([identity.name, identity.warnings], ["Acme.Widget", []]);
});

test("hostile and foreign sample archives are rejected with a reason", { skip: noShared }, async () => {
  for (const folder of ["bad-zip", "nuget", "pypi"]) {
    for (const name of readdirSync(samplePath(folder)))
      await assert.rejects(vsix.read(packageFileAt(samplePath(folder, name))), { code: "invalid" }, name);
  }
});
