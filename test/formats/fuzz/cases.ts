import { gunzipSync, gzipSync } from "node:zlib";
import type { Format } from "../../../src/formats/format.ts";
import { npm } from "../../../src/formats/npm/format.ts";
import { nuget } from "../../../src/formats/nuget/format.ts";
import { npmTarball, nupkg } from "../../support/fixtures/packages.ts";
import { tarArchive } from "../../support/fixtures/tar.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";
import { archiveCases } from "./cases-archives.ts";
import { languageCases } from "./cases-languages.ts";
import { systemCases } from "./cases-systems.ts";

export interface FuzzCase {
  name: string;
  format: Format;
  fileName: string;
  /** What is mutated. */
  seed: Buffer;
  /** Makes a package file of a mutant, so that mutations also reach the inside of a compressed container. */
  wrap(mutant: Buffer): Buffer;
}

const tarball = npmTarball({
  name: "@acme/widget",
  version: "1.2.3",
  manifest: { description: "A widget", dependencies: { semver: "^7" } },
  files: { "index.js": "x\n".repeat(500), [`${"deep/".repeat(30)}file.txt`]: "deep" },
});
const nuspec = `<?xml version="1.0"?><package xmlns="x"><metadata minClientVersion="2.0"><id>A.B</id><version>1.0.0-beta.1</version>
<tags>a b</tags><dependencies><group targetFramework="net8.0"><dependency id="C" version="1.0"/></group></dependencies></metadata></package>`;
const json = JSON.stringify({
  name: "@acme/widget",
  version: "1.2.3-rc.1",
  author: { name: "Somebody" },
  keywords: ["a", "b"],
});
const wrapTar = (body: Buffer): Buffer => gzipSync(tarArchive([{ name: "package/package.json", body }]));
const wrapZip = (body: Buffer): Buffer => zipArchive([{ name: "A.B.nuspec", body }]);
const asIs = (mutant: Buffer): Buffer => mutant;

/** Cases of every format: the file, the archive inside its compression, the manifest inside the archive. */
export const fuzzCases: readonly FuzzCase[] = [
  { name: "npm file", format: npm, fileName: "acme-widget-1.2.3.tgz", seed: tarball, wrap: asIs },
  {
    name: "npm tar archive",
    format: npm,
    fileName: "acme-widget-1.2.3.tgz",
    seed: gunzipSync(tarball),
    wrap: (mutant) => gzipSync(mutant),
  },
  { name: "npm manifest", format: npm, fileName: "acme-widget-1.2.3.tgz", seed: Buffer.from(json), wrap: wrapTar },
  {
    name: "nuget file",
    format: nuget,
    fileName: "A.B.1.0.0.nupkg",
    seed: nupkg({ id: "A.B", version: "1.0.0", files: { "lib/a.dll": "MZ".repeat(500) } }),
    wrap: asIs,
  },
  { name: "nuget manifest", format: nuget, fileName: "A.B.1.0.0.nupkg", seed: Buffer.from(nuspec), wrap: wrapZip },
  ...systemCases,
  ...languageCases,
  ...archiveCases,
];
