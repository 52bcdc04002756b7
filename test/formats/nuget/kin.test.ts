import assert from "node:assert/strict";
import { test } from "node:test";
import { chocolatey } from "../../../src/formats/nuget/chocolatey.ts";
import type { Format } from "../../../src/formats/format.ts";
import { nuget } from "../../../src/formats/nuget/format.ts";
import { powershell } from "../../../src/formats/nuget/powershell.ts";
import { nugetFileName, nupkg, type NugetPackage } from "../../support/fixtures/packages.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { noShared, readSampleManifest, samplePath } from "../../support/shared.ts";

const library: NugetPackage = { id: "Acme.Lib", version: "1.0.0", files: { "lib/net8.0/Acme.Lib.dll": "MZ" } };
const tool: NugetPackage = {
  id: "acme-tool",
  version: "1.01",
  metadata: "<docsUrl>https://example.org/docs</docsUrl><tags>admin</tags>",
  files: { "tools/chocolateyInstall.ps1": "Install-It" },
};
const metapackage: NugetPackage = {
  id: "acme-all",
  version: "2.0.0",
  metadata: '<dependencies><dependency id="acme-tool" version="1.0"/></dependencies>',
};
const module: NugetPackage = {
  id: "AcmeModule",
  version: "1.2.0-beta1",
  metadata: "<tags>PSModule PSEdition_Core</tags>",
  files: {
    "AcmeModule.psd1": "@{\n  ModuleVersion = '1.2.0'\n  PrivateData = @{ PSData = @{ Prerelease = 'beta1' } }\n}",
  },
};

const table: { format: Format; content: NugetPackage; name: string; warning?: RegExp }[] = [
  { format: nuget, content: library, name: "a library" },
  {
    format: nuget,
    content: tool,
    name: "a Chocolatey package",
    warning: /^it holds Chocolatey's scripts; this is a NuGet feed$/,
  },
  { format: nuget, content: module, name: "a module", warning: /for PowerShell; this is a NuGet feed$/ },
  { format: chocolatey, content: tool, name: "a tool" },
  { format: chocolatey, content: metapackage, name: "a metapackage without scripts" },
  {
    format: chocolatey,
    content: library,
    name: "a library",
    warning: /no script of Chocolatey's; this is a Chocolatey feed$/,
  },
  { format: chocolatey, content: module, name: "a module", warning: /for PowerShell; this is a Chocolatey feed$/ },
  { format: powershell, content: module, name: "a module" },
  {
    format: powershell,
    content: library,
    name: "a library",
    warning: /no module or script .* this is a PowerShell feed$/,
  },
];
for (const { format, content, name, warning } of table) {
  test(`a ${format.type} feed accepts ${name} ${warning === undefined ? "without" : "with"} a warning`, async (t) => {
    const { warnings } = await format.read(packageFile(t, nugetFileName(content), nupkg(content)));
    assert.equal(warnings.length, warning === undefined ? 0 : 1, warnings.join("\n"));
    if (warning !== undefined) assert.match(warnings[0]!, warning);
  });
}

test("the three types read one file as one identity with one key", async (t) => {
  for (const content of [library, tool, module, { ...library, symbols: true }]) {
    const file = packageFile(t, nugetFileName(content), nupkg(content));
    const [first, ...others] = await Promise.all([nuget, chocolatey, powershell].map((format) => format.read(file)));
    for (const other of others) assert.deepEqual({ ...other, warnings: [] }, { ...first, warnings: [] });
  }
});

test("Chocolatey's own fields are kept", async (t) => {
  const { metadata, key } = await chocolatey.read(packageFile(t, nugetFileName(tool), nupkg(tool)));
  assert.equal(metadata["docsUrl"], "https://example.org/docs");
  assert.equal(key, "acme-tool/1.1.0/acme-tool.1.1.0.nupkg");
});

test("a module whose manifest has another version than its nuspec is read by the nuspec, with a warning", async (t) => {
  const manifests: [text: string | Buffer, version: string | undefined][] = [
    ["@{ \r\n  'ModuleVersion' = \"1.2\" \r\n }", "1.2"],
    ["# ModuleVersion = '9.9'\n  ModuleVersion='1.2.0'\n Prerelease = '-beta1'", undefined],
    [Buffer.from("\ufeff@{\n ModuleVersion = '7.0.0'\n}", "utf16le"), "7.0.0"],
    ["@{ RootModule = 'x.psm1' }", undefined],
  ];
  for (const [text, version] of manifests) {
    const content = { ...module, files: { "acmemodule.PSD1": text } };
    const identity = await powershell.read(packageFile(t, nugetFileName(content), nupkg(content)));
    assert.equal(identity.normalizedVersion, "1.2.0-beta1");
    const said =
      version === undefined
        ? []
        : [`its module manifest "acmemodule.PSD1" says version ${version}, its nuspec 1.2.0-beta1`];
    assert.deepEqual(identity.warnings, said);
  }
});

test("a file that is not a package is rejected with the name of the feed's type", async (t) => {
  const file = packageFile(t, "a.1.0.0.nupkg", Buffer.from("hello"));
  await assert.rejects(chocolatey.read(file), {
    code: "invalid",
    message: /not a valid Chocolatey package: it is not a zip/,
  });
  await assert.rejects(powershell.read(file), {
    code: "invalid",
    message: /not a valid PowerShell package: it is not a zip/,
  });
});

test("real packages are the same in all three types of feed", { skip: noShared }, async () => {
  const rows = readSampleManifest().filter(([name]) => name!.startsWith("nuget/") && !name!.includes("VeryLong"));
  assert.ok(rows.length >= 8);
  for (const [name, , , id, version] of rows) {
    for (const format of [chocolatey, powershell]) {
      const identity = await format.read(packageFileAt(samplePath(name!)));
      assert.deepEqual([identity.name, identity.version], [id, version]);
    }
  }
});
