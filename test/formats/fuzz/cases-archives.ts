import { gunzipSync, gzipSync } from "node:zlib";
import { chocolatey } from "../../../src/formats/nuget/chocolatey.ts";
import { composer } from "../../../src/formats/composer.ts";
import { maven } from "../../../src/formats/maven/format.ts";
import { powershell } from "../../../src/formats/nuget/powershell.ts";
import { pub } from "../../../src/formats/pub.ts";
import { terraform } from "../../../src/formats/universal/terraform.ts";
import { universal } from "../../../src/formats/universal/format.ts";
import { vsix } from "../../../src/formats/vsix/format.ts";
import { composerPackage } from "../../support/fixtures/composer.ts";
import { jar, pom } from "../../support/fixtures/maven.ts";
import { nupkg } from "../../support/fixtures/packages.ts";
import { pubPackage } from "../../support/fixtures/pub.ts";
import { tarArchive } from "../../support/fixtures/tar.ts";
import { upack } from "../../support/fixtures/upack.ts";
import { codeExtension, codeManifest, studioManifest } from "../../support/fixtures/vsix.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";
import type { FuzzCase } from "./cases.ts";

const asIs = (mutant: Buffer): Buffer => mutant;
const zipped =
  (...names: string[]) =>
  (body: Buffer): Buffer =>
    zipArchive(names.map((name) => ({ name, body })));

const module = { group: "acme", name: "vpc.aws", version: "1.2.3-rc.1", tags: ["a"], dependencies: ["a:b:1.0.0"] };
const extension = { publisher: "Acme", name: "Widget", version: "1.2.3", targetPlatform: "win32-x64" };
const pubspec = `name: widget\nversion: 1.2.3-dev.1+2\ndependencies:\n  http: ^1.0.0\n  x: {sdk: "flutter"}\n`;
const project = pom({
  artifact: "widget",
  version: "1.2.3-rc-1",
  parent: { group: "org.acme", artifact: "parent", version: "7" },
  inner: "<licenses><license><name>MIT</name></license></licenses><description>&eacute;</description>",
});
const psd1 = "@{\n  ModuleVersion = '1.2.0'\n  PrivateData = @{ PSData = @{ Prerelease = 'beta1' } }\n}";

/** Packages in zip and tar archives, and Maven's pom. Conan has its own test. */
export const archiveCases: readonly FuzzCase[] = [
  {
    name: "chocolatey file",
    format: chocolatey,
    fileName: "a.1.0.0.nupkg",
    seed: nupkg({ id: "a", version: "1.0.0", files: { "tools/chocolateyInstall.ps1": "x" } }),
    wrap: asIs,
  },
  {
    name: "powershell file",
    format: powershell,
    fileName: "A.1.2.0-beta1.nupkg",
    seed: nupkg({ id: "A", version: "1.2.0-beta1", files: { "A.psd1": psd1 } }),
    wrap: asIs,
  },
  { name: "maven pom", format: maven, fileName: "widget-1.2.3-rc-1.pom", seed: Buffer.from(project), wrap: asIs },
  { name: "maven jar", format: maven, fileName: "widget-1.0.jar", seed: jar("org.acme:widget:1.0"), wrap: asIs },
  {
    name: "maven properties",
    format: maven,
    fileName: "widget-1.0.jar",
    seed: Buffer.from("#x\ngroupId=org.acme\nartifactId=widget\nversion=1.0\n"),
    wrap: zipped("META-INF/maven/org.acme/widget/pom.properties"),
  },
  { name: "universal file", format: universal, fileName: "vpc.aws-1.2.3.upack", seed: upack(module), wrap: asIs },
  {
    name: "universal manifest",
    format: universal,
    fileName: "all-1.0.0.vpack",
    seed: Buffer.from(JSON.stringify({ name: "all", version: "1.0.0", contents: [{ source: "a" }] })),
    wrap: zipped("upack.json"),
  },
  {
    name: "terraform manifest",
    format: terraform,
    fileName: "vpc.aws-1.2.3-rc.1.upack",
    seed: Buffer.from(JSON.stringify(module)),
    wrap: zipped("upack.json", "package/main.tf"),
  },
  {
    name: "vsix file",
    format: vsix,
    fileName: "Acme.Widget-1.2.3.vsix",
    seed: codeExtension(extension),
    wrap: asIs,
  },
  {
    name: "vsix manifest",
    format: vsix,
    fileName: "Acme.Widget-1.2.3.vsix",
    seed: Buffer.from(codeManifest(extension)),
    wrap: zipped("extension.vsixmanifest"),
  },
  {
    name: "vsix manifest of Visual Studio",
    format: vsix,
    fileName: "Widget.vsix",
    seed: Buffer.from(studioManifest("Widget..1", "1.2.3.4", "<Tags>a;b</Tags>")),
    wrap: zipped("extension.vsixmanifest"),
  },
  {
    name: "pub file",
    format: pub,
    fileName: "widget-1.2.3-dev.1+2.tar.gz",
    seed: pubPackage(pubspec),
    wrap: asIs,
  },
  {
    name: "pub tar archive",
    format: pub,
    fileName: "widget-1.2.3-dev.1+2.tar.gz",
    seed: gunzipSync(pubPackage(pubspec)),
    wrap: (mutant) => gzipSync(mutant),
  },
  {
    name: "pub manifest",
    format: pub,
    fileName: "widget-1.2.3-dev.1+2.tar.gz",
    seed: Buffer.from(pubspec),
    wrap: (body) => gzipSync(tarArchive([{ name: "pubspec.yaml", body }])),
  },
  {
    name: "composer file",
    format: composer,
    fileName: "acme-widget-1.0.zip",
    seed: composerPackage({ name: "acme/widget", require: { php: ">=8" } }, "top"),
    wrap: asIs,
  },
  {
    name: "composer manifest",
    format: composer,
    fileName: "acme-widget-1.0.zip",
    seed: Buffer.from(JSON.stringify({ name: "acme/widget", version: "v1.2.0-beta.2", keywords: ["a"] })),
    wrap: zipped("composer.json"),
  },
];
