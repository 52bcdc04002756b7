import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { cargo } from "../../../src/formats/cargo/format.ts";
import { crate, crateOf } from "../../support/fixtures/crate.ts";
import { tarArchive, type TarMember } from "../../support/fixtures/tar.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { assertRejected, assertSamples, type Rejected } from "../../support/rejects.ts";
import { noShared } from "../../support/shared.ts";

test("a crate is read whole", async (t) => {
  const toml = `license = "MIT"
description = "A crate"
[package.metadata.tool]
big = 9223372036854775807
[dependencies]
serde = { version = "1", optional = true }
[features]
default = ["serde"]
[target.'cfg(unix)'.dependencies.libc]
version = "0.2"
`;
  const bytes = crate({ name: "Foo_bar", version: "1.2.3-rc.1+build.7", toml });
  const { sortKey, ...rest } = await cargo.read(packageFile(t, "Foo_bar-1.2.3-rc.1+build.7.crate", bytes));
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "Foo_bar",
    nameKey: "foo-bar",
    version: "1.2.3-rc.1+build.7",
    normalizedVersion: "1.2.3-rc.1+build.7",
    prerelease: true,
    qualifier: "",
    key: "crates/Foo_bar/Foo_bar-1.2.3-rc.1+build.7.crate",
    contentType: "application/gzip",
    metadata: {
      description: "A crate",
      license: "MIT",
      edition: "2021",
      dependencies: { serde: { version: "1", optional: true } },
      features: { default: ["serde"] },
      target: { "cfg(unix)": { dependencies: { libc: { version: "0.2" } } } },
    },
    warnings: [],
  });
});

test("build metadata changes the key but not the order", async (t) => {
  const read = (version: string) => cargo.read(packageFile(t, `foo-${version}.crate`, crate({ name: "foo", version })));
  const [a, b] = [await read("1.0.0+a"), await read("1.0.0+b")];
  assert.notEqual(a.key, b.key);
  assert.deepEqual(a.sortKey, b.sortKey);
});

const noCargo = spawnSync("cargo", ["--version"]).status === 0 ? false : "cargo is not installed";
test("a crate that cargo packed is read without a warning", { skip: noCargo }, async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), "feedctl-cargo-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(path.join(directory, "src"));
  writeFileSync(path.join(directory, "src", "lib.rs"), "//! Nothing.\n");
  const toml =
    '[package]\nname = "foo-bar"\nversion = "0.3.0-beta.1"\nedition = "2021"\nlicense = "MIT"\ndescription = "x"\n';
  writeFileSync(path.join(directory, "Cargo.toml"), toml);
  execFileSync("cargo", ["package", "--no-verify", "--offline", "--quiet"], {
    cwd: directory,
    stdio: "ignore",
    env: { ...process.env, CARGO_TARGET_DIR: path.join(directory, "target") },
  });
  const file = path.join(directory, "target", "package", "foo-bar-0.3.0-beta.1.crate");
  const identity = await cargo.read(packageFileAt(file));
  assert.deepEqual(
    [identity.key, identity.prerelease, identity.warnings],
    ["crates/foo-bar/foo-bar-0.3.0-beta.1.crate", true, []],
  );
  assert.equal(identity.metadata["description"], "x");
});

const manifest = '[package]\nname = "foo"\nversion = "1.0.0"\n';
const inTar = (...members: TarMember[]): Buffer => gzipSync(tarArchive(members));
const main: TarMember = { name: "foo-1.0.0/Cargo.toml", body: manifest };
const withManifest = (text: string | Buffer): Buffer => crateOf(text, "foo-1.0.0");
const rejected: Rejected[] = [
  { name: "nothing", bytes: Buffer.alloc(0), reason: /the file is empty/ },
  { name: "a text", bytes: Buffer.from("hello"), reason: /not gzip data/ },
  { name: "a cut crate", bytes: withManifest(manifest).subarray(0, -9), reason: /ends early/ },
  { name: "no manifest", bytes: inTar({ name: "foo-1.0.0/src/lib.rs" }), reason: /has no Cargo\.toml$/ },
  { name: "an npm package", bytes: inTar({ name: "package/package.json" }), reason: /looks like an npm package/ },
  {
    name: "two manifests",
    bytes: inTar(main, { ...main, body: `${manifest}\n` }),
    reason: /would both be its Cargo\.toml/,
  },
  {
    name: "a second manifest in other case",
    bytes: inTar(main, { name: "foo-1.0.0/cargo.toml" }),
    reason: /manifest is called/,
  },
  {
    name: "a manifest in other case",
    bytes: inTar({ name: "foo-1.0.0/cargo.toml", body: manifest }),
    reason: /manifest is called "foo-1\.0\.0\/cargo\.toml"/,
  },
  { name: "two directories", bytes: inTar(main, { name: "bar/x" }), reason: /two top directories/ },
  { name: "a file beside the directory", bytes: inTar(main, { name: "x" }), reason: /two top directories/ },
  {
    name: "a file instead of the directory",
    bytes: inTar({ name: "foo-1.0.0", body: "x" }),
    reason: /is in no directory/,
  },
  { name: "a way out", bytes: inTar(main, { name: "foo-1.0.0/../../x" }), reason: /leads out/ },
  { name: "a backslash", bytes: inTar(main, { name: "foo-1.0.0\\x" }), reason: /backslash/ },
  {
    name: "a symbolic link",
    bytes: inTar(main, { name: "foo-1.0.0/x", flag: "2", linkName: "/etc" }),
    reason: /is a symlink/,
  },
  {
    name: "a hard link",
    bytes: inTar(main, { name: "foo-1.0.0/x", flag: "1", linkName: "y" }),
    reason: /is a hardlink/,
  },
  {
    name: "a directory as manifest",
    bytes: inTar({ name: "foo-1.0.0/Cargo.toml/" }),
    reason: /not a file but a directory/,
  },
  { name: "another directory", bytes: crateOf(manifest, "foo-2.0.0"), reason: /directory is called "foo-2\.0\.0"/ },
  {
    name: "another file name",
    bytes: withManifest(manifest),
    fileName: "bar-1.0.0.crate",
    reason: /the file is called "bar-1\.0\.0\.crate"/,
  },
  { name: "no TOML", bytes: withManifest("{"), reason: /Cargo\.toml is not TOML \(line 1/ },
  { name: "Latin-1", bytes: withManifest(Buffer.from(`${manifest}# \u00e4`, "latin1")), reason: /not UTF-8/ },
  { name: "no package", bytes: withManifest('[workspace]\nmembers = ["a"]\n'), reason: /no \[package\]/ },
  { name: "no name", bytes: withManifest('[package]\nversion = "1.0.0"\n'), reason: /no "name"/ },
  {
    name: "a hostile name",
    bytes: withManifest('[package]\nname = "../x"\nversion = "1.0.0"\n'),
    reason: /not the name of a crate/,
  },
  {
    name: "a long name",
    bytes: withManifest(`[package]\nname = "${"a".repeat(65)}"\nversion = "1.0.0"\n`),
    reason: /not the name of a crate/,
  },
  {
    name: "an inherited version",
    bytes: withManifest('[package]\nname = "foo"\nversion.workspace = true\n'),
    reason: /no "version"/,
  },
  ...["v1.0.0", "1.0", "1.0.0 ", "01.0.0", "1.0.0-01", "1.0.0+"].map((version) => ({
    name: `the version "${version}"`,
    bytes: withManifest(`[package]\nname = "foo"\nversion = "${version}"\n`),
    reason: /not a semantic version/,
  })),
];
for (const { name, bytes, reason, fileName = "foo-1.0.0.crate" } of rejected) {
  test(`${name} is rejected`, (t) => assertRejected(t, cargo, fileName, bytes, reason));
}

test("the sample has the identity that Python's tarfile read", { skip: noShared }, () =>
  assertSamples(cargo, "cargo", { count: 1 }),
);

test("a gzip bomb is stopped early", async (t) => {
  const bytes = gzipSync(tarArchive([main, { name: "foo-1.0.0/zeros", body: Buffer.alloc(64 * 1024 * 1024) }]));
  await assertRejected(t, cargo, "foo-1.0.0.crate", bytes, /1,000 times its size/);
});
