import { gunzipSync, gzipSync } from "node:zlib";
import { alpine } from "../../../src/formats/alpine/format.ts";
import { cargo } from "../../../src/formats/cargo/format.ts";
import { debian } from "../../../src/formats/debian/format.ts";
import { helm } from "../../../src/formats/helm/format.ts";
import { rpm } from "../../../src/formats/rpm/format.ts";
import { apkMember, apkOf, apkPackage } from "../../support/fixtures/apk.ts";
import { chart, provenance } from "../../support/fixtures/chart.ts";
import { crate, crateOf } from "../../support/fixtures/crate.ts";
import { debMembers, debOf, debPackage } from "../../support/fixtures/deb.ts";
import { rpmAround, rpmHeader, rpmPackage } from "../../support/fixtures/rpm.ts";
import { tarArchive } from "../../support/fixtures/tar.ts";
import type { FuzzCase } from "./cases.ts";

const control = `Package: foo
Source: bar (1.0)
Version: 1:1.0~rc1-2
Architecture: amd64
Description: short
 long
`;
const toml =
  '[package]\nname = "foo"\nversion = "1.0.0"\nauthors = ["A"]\n[dependencies.bar]\nversion = "1"\nfeatures = []\n';
const pkginfo = "# comment\npkgname = foo\npkgver = 1.0_rc1-r2\narch = x86_64\ndepend = a>1\ndepend = b\n";
const chartYaml = "apiVersion: v2\nname: foo\nversion: v1.0.0-rc.1\nkeywords: [a, 'b']\nmaintainers:\n- name: x\n";
const rpmTags = [
  { tag: 1000, value: "foo" },
  { tag: 1001, value: "1.0" },
  { tag: 1002, value: "1" },
  { tag: 1003, value: 1 },
  { tag: 1022, value: "noarch" },
  { tag: 1044, value: "foo-1.0-1.src.rpm" },
  { tag: 1047, value: ["a", "b"] },
  { tag: 1112, value: [8, 10] },
  { tag: 1113, value: ["1", "2"] },
];
const asIs = (mutant: Buffer): Buffer => mutant;

/** Packages of operating systems, crates and charts. */
export const systemCases: readonly FuzzCase[] = [
  {
    name: "deb file",
    format: debian,
    fileName: "foo_1.0_all.deb",
    seed: debPackage({ name: "foo", version: "1.0" }),
    wrap: asIs,
  },
  {
    name: "deb control archive",
    format: debian,
    fileName: "foo_1.0_all.deb",
    seed: tarArchive([{ name: "./control", body: control }]),
    wrap: (mutant) => debMembers({ name: "control.tar", body: mutant }),
  },
  {
    name: "deb control file",
    format: debian,
    fileName: "foo_1.0_all.deb",
    seed: Buffer.from(control),
    wrap: (mutant) => debOf(mutant),
  },
  {
    name: "rpm file",
    format: rpm,
    fileName: "foo-1-1.x86_64.rpm",
    seed: rpmPackage({ name: "foo", version: "1", release: "1" }),
    wrap: asIs,
  },
  // Hash and size match, so that mutations reach the parsing of tags.
  {
    name: "rpm header",
    format: rpm,
    fileName: "foo-1.0-1.noarch.rpm",
    seed: rpmHeader(rpmTags),
    wrap: (mutant) => rpmAround(mutant),
  },
  {
    name: "apk file",
    format: alpine,
    fileName: "foo-1.0-r0.apk",
    seed: apkPackage({ name: "foo", version: "1.0-r0", signed: true }),
    wrap: asIs,
  },
  {
    name: "apk control archive",
    format: alpine,
    fileName: "foo-1.0_rc1-r2.apk",
    seed: gunzipSync(
      apkMember([
        { name: ".PKGINFO", body: pkginfo },
        { name: ".pre-install", body: "#!/bin/sh\n" },
      ]),
    ),
    wrap: (mutant) => Buffer.concat([gzipSync(mutant), gzipSync(tarArchive([{ name: "usr/" }]))]),
  },
  {
    name: "apk manifest",
    format: alpine,
    fileName: "foo-1.0_rc1-r2.apk",
    seed: Buffer.from(pkginfo),
    wrap: (mutant) => apkOf(mutant.toString("latin1")),
  },
  {
    name: "crate file",
    format: cargo,
    fileName: "foo-1.0.0.crate",
    seed: crate({ name: "foo", version: "1.0.0" }),
    wrap: asIs,
  },
  {
    name: "crate manifest",
    format: cargo,
    fileName: "foo-1.0.0.crate",
    seed: Buffer.from(toml),
    wrap: (mutant) => crateOf(mutant, "foo-1.0.0"),
  },
  {
    name: "chart file",
    format: helm,
    fileName: "foo-1.0.0.tgz",
    seed: chart({ name: "foo", version: "1.0.0" }),
    wrap: asIs,
  },
  {
    name: "chart manifest",
    format: helm,
    fileName: "foo-1.0.0.tgz",
    seed: Buffer.from(chartYaml),
    wrap: (mutant) => gzipSync(tarArchive([{ name: "foo/Chart.yaml", body: mutant }])),
  },
  {
    name: "provenance file",
    format: helm,
    fileName: "foo-1.0.0.tgz.prov",
    seed: Buffer.from(provenance({ name: "foo", version: "1.0.0", yaml: "keywords:\n- a\n" })),
    wrap: asIs,
  },
];
