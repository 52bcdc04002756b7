import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { npm } from "../../../src/formats/npm/format.ts";
import { npmFileName, npmTarball, type NpmPackage } from "../../support/fixtures/packages.ts";
import { tarArchive, type TarMember } from "../../support/fixtures/tar.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";

const manifest = '{"name":"foo","version":"1.0.0"}';

function readTarball(t: TestContext, content: NpmPackage, fileName = npmFileName(content)) {
  return npm.read(packageFile(t, fileName, npmTarball(content)));
}

function readMembers(t: TestContext, members: TarMember[]) {
  return npm.read(packageFile(t, "foo-1.0.0.tgz", gzipSync(tarArchive(members))));
}

test("a scoped package is read whole", async (t) => {
  const identity = await readTarball(t, {
    name: "@acme/widget",
    version: "1.2.3-rc.1+build.7",
    manifest: { description: "A widget", license: "MIT", dependencies: { semver: "^7.0.0" }, scripts: { test: "x" } },
  });
  const { sortKey, ...rest } = identity;
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "acme",
    name: "widget",
    nameKey: "widget",
    version: "1.2.3-rc.1+build.7",
    normalizedVersion: "1.2.3-rc.1",
    prerelease: true,
    qualifier: "",
    key: "@acme/widget/-/widget-1.2.3-rc.1.tgz",
    contentType: "application/gzip",
    metadata: { description: "A widget", license: "MIT", dependencies: { semver: "^7.0.0" } },
    warnings: [],
  });
});

test("a package that npm itself packed is read without a warning", async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), "feedctl-npm-pack-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const packed = path.join(import.meta.dirname, "..", "..", "..", "node_modules", "semver");
  execFileSync("npm", ["pack", packed, "--ignore-scripts", "--offline", "--pack-destination", directory], {
    stdio: "ignore",
    shell: process.platform === "win32",
    env: { ...process.env, npm_config_cache: path.join(directory, "cache"), npm_config_update_notifier: "false" },
  });
  const tarball = readdirSync(directory).find((name) => name.endsWith(".tgz"))!;
  const identity = await npm.read(packageFileAt(path.join(directory, tarball)));
  const expected = JSON.parse(readFileSync(path.join(packed, "package.json"), "utf8"));
  assert.equal(identity.name, "semver");
  assert.equal(identity.version, expected.version);
  assert.equal(identity.key, `semver/-/semver-${expected.version}.tgz`);
  assert.equal(identity.metadata["description"], expected.description);
  assert.deepEqual(identity.metadata["bin"], expected.bin);
  assert.deepEqual(identity.warnings, []);
});

const warned: { name: string; content: NpmPackage; fileName?: string; warning: RegExp; key: string }[] = [
  {
    name: "another file name",
    content: { name: "foo", version: "1.0.0" },
    fileName: "bar-2.0.0.tgz",
    warning: /bar-2\.0\.0\.tgz/,
    key: "foo/-/foo-1.0.0.tgz",
  },
  {
    name: "a hostile file name",
    content: { name: "foo", version: "1.0.0" },
    fileName: "\u001b[2J.tgz",
    warning: /called ".\[2J\.tgz"/,
    key: "foo/-/foo-1.0.0.tgz",
  },
  {
    name: "a legacy name",
    content: { name: "JSONStream", version: "1.0.0" },
    warning: /rules for new names/,
    key: "JSONStream/-/JSONStream-1.0.0.tgz",
  },
  {
    name: "a private package",
    content: { name: "foo", version: "1.0.0", manifest: { private: true } },
    warning: /"private"/,
    key: "foo/-/foo-1.0.0.tgz",
  },
  {
    name: "a version with v",
    content: { name: "foo", version: "v1.0.0" },
    warning: /npm reads 1\.0\.0/,
    key: "foo/-/foo-1.0.0.tgz",
  },
  {
    name: "metadata beyond the limit",
    content: { name: "foo", version: "1.0.0", manifest: { description: "x".repeat(70_000), license: "MIT" } },
    warning: /"description" is too long/,
    key: "foo/-/foo-1.0.0.tgz",
  },
];
for (const { name, content, fileName, warning, key } of warned) {
  test(`${name} is accepted with a warning`, async (t) => {
    const identity = await readTarball(t, content, fileName);
    assert.equal(identity.key, key);
    assert.equal(identity.warnings.length, 1, identity.warnings.join("\n"));
    assert.match(identity.warnings[0]!, warning);
  });
}

test("metadata over the limit loses its largest member and keeps the others", async (t) => {
  const { metadata } = await readTarball(t, {
    name: "foo",
    version: "1.0.0",
    manifest: { description: "kept", keywords: ["y".repeat(40_000)], dependencies: { z: "z".repeat(50_000) } },
  });
  assert.deepEqual(Object.keys(metadata), ["description", "keywords"]);
});

test("prototype keys, NUL characters and broken surrogates in the manifest are harmless", async (t) => {
  const text =
    '{"name":"foo","version":"1.0.0","description":"a\\u0000b\\ud800","dependencies":{"__proto__":{"polluted":"yes"},"a":"1"}}';
  const { metadata } = await readMembers(t, [{ name: "package/package.json", body: text }]);
  assert.deepEqual(metadata, { description: "a\ufffdb\ufffd", dependencies: { a: "1" } });
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

const accepted: { name: string; members: TarMember[]; warnings?: number }[] = [
  {
    name: "a byte order mark before the manifest",
    members: [{ name: "package/package.json", body: `\ufeff${manifest}` }],
  },
  {
    name: "another top directory",
    members: [
      { name: "foo-abc123/", body: "" },
      { name: "foo-abc123/package.json", body: manifest },
    ],
  },
  {
    name: "a global header, as git archive writes it",
    members: [
      { name: "pax_global_header", flag: "g", body: "11 comment=\n".replace("11", "12") },
      { name: "package/package.json", body: manifest },
    ],
  },
  {
    name: "manifests of bundled packages",
    members: [
      { name: "package/node_modules/a/package.json", body: "{}" },
      { name: "package/package.json", body: manifest },
    ],
  },
  {
    name: "a manifest without a directory, which npm drops",
    members: [
      { name: "package.json", body: "{}" },
      { name: "package/package.json", body: manifest },
    ],
  },
  {
    name: "links inside",
    members: [
      { name: "package/a", flag: "2", linkName: "b" },
      { name: "package/package.json", body: manifest },
    ],
    warnings: 1,
  },
];
for (const { name, members, warnings = 0 } of accepted) {
  test(`${name} is accepted`, async (t) => {
    const identity = await readMembers(t, members);
    assert.equal(identity.key, "foo/-/foo-1.0.0.tgz");
    assert.equal(identity.warnings.length, warnings, identity.warnings.join("\n"));
  });
}

test("a missing file is not found, and an aborted signal interrupts", async (t) => {
  const missing = { path: path.join(import.meta.dirname, "no-such-file.tgz"), size: 1, name: "no-such-file.tgz" };
  await assert.rejects(npm.read(missing), { code: "not-found" });
  const file = packageFile(t, "foo-1.0.0.tgz", npmTarball({ name: "foo", version: "1.0.0" }));
  await assert.rejects(npm.read(file, { signal: AbortSignal.abort() }), { code: "interrupted" });
});
