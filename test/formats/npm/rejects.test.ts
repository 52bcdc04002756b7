import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { npm } from "../../../src/formats/npm/format.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { tarArchive, type TarMember } from "../../support/fixtures/tar.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { noShared, samplePath } from "../../support/shared.ts";
import { cpuTime } from "../../support/cpu.ts";

const manifest = '{"name":"foo","version":"1.0.0"}';

function readMembers(t: TestContext, members: TarMember[]) {
  return npm.read(packageFile(t, "foo-1.0.0.tgz", gzipSync(tarArchive(members))));
}

const body = manifest;
const other = `${manifest} `;
const rejected: { name: string; members: TarMember[]; reason: RegExp }[] = [
  {
    name: "another manifest with the same name",
    members: [
      { name: "package/package.json", body },
      { name: "package/package.json", body: other },
    ],
    reason: /would both be/,
  },
  {
    name: "two top directories",
    members: [
      { name: "package/package.json", body },
      { name: "other/package.json", body: other },
    ],
    reason: /would both be/,
  },
  {
    name: "a second manifest behind slashes",
    members: [
      { name: "package/package.json", body },
      { name: "package//./package.json", body: other },
    ],
    reason: /would both be/,
  },
  {
    name: "a second manifest behind a backslash",
    members: [
      { name: "package/package.json", body },
      { name: "package\\package.json", body: other },
    ],
    reason: /would both be/,
  },
  {
    name: "a second manifest in other case",
    members: [
      { name: "package/package.json", body },
      { name: "package/Package.JSON", body },
    ],
    reason: /its manifest is called "package\/Package\.JSON"/,
  },
  {
    name: "a symbolic link as manifest",
    members: [{ name: "package/package.json", flag: "2", linkName: "/etc/passwd" }],
    reason: /not a file but a symlink/,
  },
  {
    name: "a hard link as manifest",
    members: [{ name: "package/package.json", flag: "1", linkName: "x" }],
    reason: /not a file but a hardlink/,
  },
  {
    name: "a directory as manifest",
    members: [{ name: "package/package.json/" }],
    reason: /not a file but a directory/,
  },
  {
    name: "a device as manifest",
    members: [{ name: "package/package.json", flag: "3" }],
    reason: /not a file but a other|not a file/,
  },
  {
    name: "a link as top directory",
    members: [
      { name: "package", flag: "2", linkName: ".." },
      { name: "package/package.json", body },
    ],
    reason: /is a link/,
  },
  {
    name: "an absolute path",
    members: [{ name: "package/package.json", body }, { name: "/etc/passwd" }],
    reason: /leads out/,
  },
  {
    name: "a path out of the package",
    members: [{ name: "package/package.json", body }, { name: "package/../../x" }],
    reason: /leads out/,
  },
  { name: "no manifest", members: [{ name: "package/index.js" }], reason: /has no package\.json$/ },
  { name: "no entry at all", members: [], reason: /has no package\.json$/ },
  { name: "a Helm chart", members: [{ name: "foo/Chart.yaml" }], reason: /looks like a Helm chart/ },
  { name: "a manifest that is not JSON", members: [{ name: "package/package.json", body: "{" }], reason: /not JSON/ },
  {
    name: "a manifest that is not an object",
    members: [{ name: "package/package.json", body: "[]" }],
    reason: /not a JSON object/,
  },
  {
    name: "a manifest of endless brackets",
    members: [{ name: "package/package.json", body: "[".repeat(1_000_000) }],
    reason: /not JSON/,
  },
  {
    name: "a manifest beyond the limit",
    members: [{ name: "package/package.json", body: " ".repeat(11_000_000) + body }],
    reason: /has more than 10 MiB \(limit "manifest" of FEEDCTL_LIMITS\)/,
  },
];
for (const { name, members, reason } of rejected) {
  test(`${name} is rejected`, async (t) => {
    await assert.rejects(readMembers(t, members), (error: Error & { code?: string }) => {
      assert.equal(error.code, "invalid");
      assert.match(error.message, /^foo-1\.0\.0\.tgz is not a valid npm package: [^\n]+$/);
      assert.match(error.message, reason);
      return true;
    });
  });
}

const identities: { members: Record<string, unknown>; reason: RegExp }[] = [
  ...[
    "",
    "a b",
    "../x",
    ".hidden",
    "_under",
    "@scope",
    "@scope/",
    "@/x",
    "@a/b/c",
    "@../x",
    "@a/.b",
    "node_modules",
    "favicon.ico",
    "a\ud800",
    "ä",
    "a".repeat(215),
  ].map((name) => ({ members: { name, version: "1.0.0" }, reason: /package name|no "name"/ })),
  ...[undefined, 1, ["a"]].map((name) => ({ members: { name, version: "1.0.0" }, reason: /no "name"/ })),
  ...["1.0", "latest", "01.0.0", "1.0.0.0", "9007199254740992.0.0", "1.0.0-01"].map((version) => ({
    members: { name: "foo", version },
    reason: /not a semantic version/,
  })),
  ...[undefined, 1, ""].map((version) => ({ members: { name: "foo", version }, reason: /no "version"/ })),
];
test("names and versions that npm never allowed are rejected", async (t) => {
  for (const { members, reason } of identities) {
    const read = readMembers(t, [{ name: "package/package.json", body: JSON.stringify(members) }]);
    await assert.rejects(read, { code: "invalid", message: reason }, JSON.stringify(members));
  }
});

test("a gzip bomb is stopped early", async (t) => {
  const zeros = Buffer.alloc(64 * 1024 * 1024);
  const bytes = gzipSync(
    Buffer.concat([
      tarArchive([{ name: "package/package.json", body: manifest }], { endMarker: false }),
      tarArchive([{ name: "package/a", body: zeros }]),
    ]),
  );
  const started = cpuTime();
  await assert.rejects(npm.read(packageFile(t, "foo-1.0.0.tgz", bytes)), {
    code: "invalid",
    message: /1,000 times its size/,
  });
  assert.ok(cpuTime() - started < 5000);
});

test("broken containers are rejected with a reason", async (t) => {
  const good = npmTarball({ name: "foo", version: "1.0.0", files: { "a.txt": "text".repeat(1000) } });
  const table: [bytes: Buffer, reason: RegExp][] = [
    [Buffer.alloc(0), /the file is empty/],
    [Buffer.from("hello"), /it is not gzip data/],
    [Buffer.from("<!DOCTYPE html><html>"), /it is a web page, not gzip data/],
    [Buffer.from("PK\u0003\u0004rest"), /it is a zip archive, not gzip data/],
    [tarArchive([{ name: "package/package.json", body: manifest }]), /uncompressed tar archive/],
    [good.subarray(0, 100), /ends early/],
    [Buffer.concat([good, Buffer.from("garbage")]), /damaged/],
    [gzipSync("no tar at all"), /ends inside a header/],
    [gzipSync(Buffer.alloc(1024, "x")), /checksum/],
  ];
  for (const [bytes, reason] of table) {
    await assert.rejects(npm.read(packageFile(t, "foo-1.0.0.tgz", bytes)), { code: "invalid", message: reason });
  }
});

const goodSamples = ["concatenated-gzip-members.tgz", "npm-other-root.tgz"];
test("hostile sample archives are rejected with a reason, harmless oddities are read", { skip: noShared }, async () => {
  for (const folder of ["bad-tar", "bad-tar-gen", "helm"]) {
    for (const name of readdirSync(samplePath(folder))) {
      const read = npm.read(packageFileAt(samplePath(folder, name)));
      if (goodSamples.includes(name)) assert.equal((await read).key, "foo/-/foo-1.0.0.tgz");
      else await assert.rejects(read, { code: "invalid" }, name);
    }
  }
});
