import assert from "node:assert/strict";
import { test } from "node:test";
import { accompaniesPackages } from "../../src/formats/accompanies.ts";
import type { PackageType } from "../../src/formats/feed-types.ts";
import { loadFormat } from "../../src/formats/index.ts";

/** Files of real repositories. `others` look similar and are packages, or files that no tool generates. */
const trees: { type: PackageType; files: string[]; others: string[] }[] = [
  {
    type: "npm",
    files: ["left/package.json", "@s/x/package.json", ".verdaccio-db.json", "left/-/left-1.0.0.tgz.sha512"],
    others: ["left/-/left-1.0.0.tgz", "left/package.json.old", "left/README.md", "README.sha1"],
  },
  {
    type: "pypi",
    files: [
      "simple/index.html",
      "mirror/simple/foo/index.v1_json",
      "packages/foo-1-py3-none-any.whl.metadata",
      "packages/foo-1.tar.gz.asc",
      "packages/foo-1.tar.gz.provenance",
      "pypi/foo/json",
    ],
    others: ["packages/foo-1.tar.gz", "index.html", "foo.metadata"],
  },
  {
    type: "nuget",
    files: [
      "index.json",
      "a.b/index.json",
      "a.b/1.0.0/a.b.nuspec",
      "a.b/1.0.0/a.b.1.0.0.nupkg.sha512",
      "a.b/1.0.0/.nupkg.metadata",
      "a.b/1.0.0/icon",
      "registration5-gz/a.b/page/1.0.0/2.0.0.json",
    ],
    others: ["a.b/1.0.0/a.b.1.0.0.nupkg", "a.b/1.0.0/a.b.1.0.0.snupkg", "icon", "notes.json"],
  },
  {
    type: "conda",
    files: ["noarch/repodata.json.zst", "linux-64/current_repodata.json", "channeldata.json", "noarch/.cache/cache.db"],
    others: ["noarch/a-1-0.conda", "noarch/a-1-0.tar.bz2", "noarch/data.json"],
  },
  {
    type: "rubygems",
    files: ["specs.4.8.gz", "quick/Marshal.4.8/a-1.gemspec.rz", "info/a", "versions", "gems/a-1.gem.sha256"],
    others: ["gems/a-1.gem", "gems/versions"],
  },
  {
    type: "cran",
    files: ["src/contrib/PACKAGES.rds", "src/contrib/Meta/archive.rds"],
    others: ["src/contrib/a_1.tar.gz"],
  },
  {
    type: "cargo",
    files: ["config.json", "index/se/rd/serde", "3/a/abc", "1/a"],
    others: ["crates/ab/ab-1.0.0.crate"],
  },
  {
    type: "debian",
    files: [
      "dists/stable/main/by-hash/SHA256/00aa",
      "dists/stable/main/i18n/Translation-en.bz2",
      "ls-lR.gz",
      "a/InRelease",
    ],
    others: ["dists/stable/main/binary-all/a_1_all.deb", "pool/main/a/a/a_1.dsc", "conf/distributions"],
  },
  {
    type: "rpm",
    files: ["repodata/0a-susedata.xml.zst", ".treeinfo", "7/RPM-GPG-KEY-x"],
    others: ["Packages/a.rpm", "EULA"],
  },
  { type: "helm", files: ["index.yaml", "index-cache.yaml", "a-1.tgz.sha256"], others: ["a-1.tgz", "a-1.tgz.prov"] },
  {
    type: "maven",
    files: [".index/nexus.gz", "archetype-catalog.xml", "g/a/1/a-1.jar.md5"],
    others: ["g/a/1/a-1.jar.asc"],
  },
  {
    type: "composer",
    files: ["packages.json", "include/all$0a.json", "p2/a/b~dev.json"],
    others: ["a/b/a-b-1.0.0.0.zip"],
  },
  { type: "alpine", files: ["x86_64/APKINDEX.tar.gz", "last-updated"], others: ["x86_64/a-1-r0.apk"] },
];

for (const { type, files, others } of trees) {
  test(`files that tools generate for repositories of type ${type} accompany packages, others do not`, async () => {
    const format = await loadFormat(type);
    assert.deepEqual(
      files.filter((key) => !accompaniesPackages(format, key)),
      [],
    );
    assert.deepEqual(
      others.filter((key) => accompaniesPackages(format, key)),
      [],
    );
  });
}
