import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { PackageType } from "../../src/formats/feed-types.ts";
import { loadFormat } from "../../src/formats/index.ts";
import { apkMember } from "../support/fixtures/apk.ts";
import { bzip2 } from "../support/fixtures/bzip2.ts";
import { condaIndex, condaStem } from "../support/fixtures/conda.ts";
import { rDescription } from "../support/fixtures/cran.ts";
import { debMembers } from "../support/fixtures/deb.ts";
import { coreMetadata } from "../support/fixtures/pypi.ts";
import { tarArchive, type TarMember } from "../support/fixtures/tar.ts";
import { packageFile } from "../support/package-file.ts";

const v1 = { name: "foo", version: "1.0.0" };
const conda = { name: "foo", version: "1.0", build: "0" };
const gzip = (members: TarMember[]) => gzipSync(tarArchive(members));

/** The manifest of each type in a tar archive, and how the archive is packed. */
const types: { type: PackageType; file: string; path: string; body: string; pack(members: TarMember[]): Buffer }[] = [
  { type: "npm", file: "foo-1.0.0.tgz", path: "package/package.json", body: JSON.stringify(v1), pack: gzip },
  {
    type: "cargo",
    file: "foo-1.0.0.crate",
    path: "foo-1.0.0/Cargo.toml",
    body: '[package]\nname = "foo"\nversion = "1.0.0"\n',
    pack: gzip,
  },
  {
    type: "helm",
    file: "foo-1.0.0.tgz",
    path: "foo/Chart.yaml",
    body: "apiVersion: v2\nname: foo\nversion: 1.0.0\n",
    pack: gzip,
  },
  { type: "pypi", file: "foo-1.0.0.tar.gz", path: "foo-1.0.0/PKG-INFO", body: coreMetadata(v1), pack: gzip },
  { type: "cran", file: "foo_1.0.0.tar.gz", path: "foo/DESCRIPTION", body: rDescription(v1), pack: gzip },
  { type: "pub", file: "foo-1.0.0.tar.gz", path: "pubspec.yaml", body: "name: foo\nversion: 1.0.0\n", pack: gzip },
  {
    type: "conda",
    file: `${condaStem(conda)}.tar.bz2`,
    path: "info/index.json",
    body: condaIndex(conda),
    pack: (members) => bzip2(tarArchive(members)),
  },
  {
    type: "debian",
    file: "foo_1.0.0_all.deb",
    path: "./control",
    body: "Package: foo\nVersion: 1.0.0\nArchitecture: all\n",
    pack: (members) => debMembers({ name: "control.tar.gz", body: gzip(members) }),
  },
  {
    type: "alpine",
    file: "foo-1.0.0-r0.apk",
    path: ".PKGINFO",
    body: "pkgname = foo\npkgver = 1.0.0-r0\narch = noarch\n",
    pack: (members) => Buffer.concat([apkMember(members), gzip([{ name: "usr/x", body: "x" }])]),
  },
];

for (const { type, file, path, body, pack } of types) {
  test(`${type}: a manifest that stands twice with the same bytes is one manifest`, async (t) => {
    const { read } = await loadFormat(type);
    const once = await read(packageFile(t, file, pack([{ name: path, body }])));
    const twice = await read(
      packageFile(
        t,
        file,
        pack([
          { name: path, body },
          { name: path, body },
        ]),
      ),
    );
    assert.deepEqual(twice, once);
    const other = packageFile(
      t,
      file,
      pack([
        { name: path, body },
        { name: path, body: `${body}\n` },
      ]),
    );
    await assert.rejects(read(other), { code: "invalid", message: /would both be its .*, with different content/ });
  });

  test(`${type}: a sparse file beside the manifest is no reason to refuse the package`, async (t) => {
    const { read } = await loadFormat(type);
    const hole: TarMember = { name: path.replace(/[^/]*$/, "x.hole"), body: "x", flag: "S" };
    if (type === "alpine") hole.name = ".post-install";
    assert.equal((await read(packageFile(t, file, pack([hole, { name: path, body }])))).name, "foo");
    const manifest = packageFile(t, file, pack([{ name: path, body, flag: "S" }]));
    await assert.rejects(read(manifest), { code: "invalid", message: /is not a file/ });
  });
}
