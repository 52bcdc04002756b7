import { gzipSync, zstdCompressSync } from "node:zlib";
import { conda } from "../../../src/formats/conda/format.ts";
import { cran } from "../../../src/formats/cran.ts";
import { pypi } from "../../../src/formats/pypi/format.ts";
import { rubygems } from "../../../src/formats/rubygems/format.ts";
import { bzip2 } from "../../support/fixtures/bzip2.ts";
import { condaIndex, condaInfo, condaTarBz2, dotConda, dotCondaMembers } from "../../support/fixtures/conda.ts";
import { rDescription, rPackage } from "../../support/fixtures/cran.ts";
import { gemArchive, gemMembers, gemSpecification } from "../../support/fixtures/gem.ts";
import { coreMetadata, sdist, wheel } from "../../support/fixtures/pypi.ts";
import { tarArchive } from "../../support/fixtures/tar.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";
import type { FuzzCase } from "./cases.ts";

const asIs = (mutant: Buffer): Buffer => mutant;

const python = {
  name: "Acme.Widget",
  version: "1!2.0rc1.post2.dev3+local.1",
  metadata: "Summary: A widget\nClassifier: A\nClassifier: B\nRequires-Dist: six\n\nLong text\n",
};
const wheelName = "acme_widget-1!2.0rc1.post2.dev3+local.1-py3-none-any.whl";
const gem = { name: "acme-widget", version: "1.0.rc1", platform: "x86_64-linux", metadata: "summary: A widget\n" };
const gemName = "acme-widget-1.0.rc1-x86_64-linux.gem";
const [, data] = gemMembers(gemSpecification(gem));
const forge = { name: "widget", version: "1!2.0rc1+local", build: "py39_0", index: { license: "MIT" } };
const forgeStem = "widget-1!2.0rc1+local-py39_0";
const r = { name: "acme.widget", version: "1.0-2", description: "Imports: a,\n b (>= 1)\nEncoding: UTF-8\n" };
const rName = "acme.widget_1.0-2.tar.gz";

/** Packages of Python, Ruby, conda and R: the file, the archive inside, the manifest inside. */
export const languageCases: readonly FuzzCase[] = [
  { name: "wheel", format: pypi, fileName: wheelName, seed: wheel(python), wrap: asIs },
  {
    name: "PKG-INFO of a source package",
    format: pypi,
    fileName: "acme_widget-2.0.tar.gz",
    seed: Buffer.from(coreMetadata(python)),
    wrap: (mutant) => gzipSync(tarArchive([{ name: "acme_widget-2.0/PKG-INFO", body: mutant }])),
  },
  {
    name: "source package in bzip2",
    format: pypi,
    fileName: "acme_widget-2.0.tar.bz2",
    seed: sdist(python, ".tar.bz2"),
    wrap: asIs,
  },
  { name: "gem", format: rubygems, fileName: gemName, seed: gemArchive(gem), wrap: asIs },
  {
    name: "specification of a gem",
    format: rubygems,
    fileName: gemName,
    seed: Buffer.from(gemSpecification(gem)),
    wrap: (mutant) => tarArchive([{ name: "metadata.gz", body: gzipSync(mutant) }, data!]),
  },
  { name: "conda file", format: conda, fileName: `${forgeStem}.conda`, seed: dotConda(forge), wrap: asIs },
  {
    name: "conda info archive",
    format: conda,
    fileName: `${forgeStem}.conda`,
    seed: tarArchive(condaInfo(forge)),
    wrap: (mutant) =>
      zipArchive([
        ...dotCondaMembers(forgeStem, []).slice(0, 2),
        { name: `info-${forgeStem}.tar.zst`, body: zstdCompressSync(mutant) },
      ]),
  },
  {
    name: "conda file in bzip2",
    format: conda,
    fileName: `${forgeStem}.tar.bz2`,
    seed: condaTarBz2(forge),
    wrap: asIs,
  },
  {
    name: "conda manifest",
    format: conda,
    fileName: `${forgeStem}.tar.bz2`,
    seed: Buffer.from(condaIndex(forge)),
    wrap: (mutant) => bzip2(tarArchive([{ name: "info/index.json", body: mutant }])),
  },
  { name: "R package", format: cran, fileName: rName, seed: rPackage(r), wrap: asIs },
  {
    name: "DESCRIPTION of an R package",
    format: cran,
    fileName: rName,
    seed: Buffer.from(rDescription(r)),
    wrap: (mutant) => gzipSync(tarArchive([{ name: "acme.widget/DESCRIPTION", body: mutant }])),
  },
];
