import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { rubygems } from "../../../src/formats/rubygems/format.ts";
import { gemArchive, gemMembers, gemSpecification, type Gem } from "../../support/fixtures/gem.ts";
import { tarArchive, type TarMember } from "../../support/fixtures/tar.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { noShared, readSampleManifest, samplePath } from "../../support/shared.ts";

function read(t: TestContext, bytes: Buffer, fileName = "foo-1.0.gem") {
  return rubygems.read(packageFile(t, fileName, bytes));
}

function readGem(t: TestContext, content: Gem, fileName?: string) {
  return read(t, gemArchive(content), fileName);
}

test("a gem for a platform is read whole", async (t) => {
  const content = {
    name: "foo",
    version: "1.0.0-rc1",
    platform: "x86_64-linux",
    metadata: `summary: A thing
licenses: []
required_ruby_version: !ruby/object:Gem::Requirement
  requirements:
  - - ">="
    - !ruby/object:Gem::Version
      version: '2.7'
  - - "<"
    - !ruby/object:Gem::Version
      version: '4'
`,
  };
  const { sortKey, ...rest } = await readGem(t, content, "foo-1.0.0.pre.rc1-x86_64-linux.gem");
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "foo",
    nameKey: "foo",
    version: "1.0.0-rc1",
    normalizedVersion: "1.0.0.pre.rc1",
    prerelease: true,
    qualifier: "platform=x86_64-linux",
    key: "gems/foo-1.0.0.pre.rc1-x86_64-linux.gem",
    contentType: "application/octet-stream",
    metadata: { authors: ["Somebody"], summary: "A thing", requiredRubyVersion: ">= 2.7, < 4" },
    warnings: [],
  });
});

test("a gem for all platforms has no qualifier, and another file name only warns", async (t) => {
  const identity = await readGem(t, { name: "Foo_bar", version: "1" }, "download.gem");
  assert.deepEqual([identity.qualifier, identity.key], ["", "gems/Foo_bar-1.gem"]);
  assert.equal(identity.warnings.length, 1);
  assert.match(identity.warnings[0]!, /by its metadata it is Foo_bar-1\.gem$/);
});

test("aliases, which old gems have among their dependencies, are resolved", async (t) => {
  const dependency = `dependencies:
- !ruby/object:Gem::Dependency
  name: bar
  type: :development
  requirement: &id1 !ruby/object:Gem::Requirement
    requirements:
    - - ~>
      - !ruby/object:Gem::Version
        version: "1.0"
  version_requirements: *id1
- !ruby/object:Gem::Dependency
  name: baz
  type: :runtime
  requirement: *id1
`;
  const specification = gemSpecification({ name: "foo", version: "1.0" }).replace("dependencies: []\n", dependency);
  const { metadata, warnings } = await read(t, tarArchive(gemMembers(specification)));
  assert.deepEqual(metadata["dependencies"], [
    { name: "bar", type: "development", requirement: "~> 1.0" },
    { name: "baz", type: "runtime", requirement: "~> 1.0" },
  ]);
  assert.deepEqual(warnings, []);
});

test("early gems are read: plain metadata, no checksums, a platform of three parts", async (t) => {
  const platform = "!ruby/object:Gem::Platform\n  cpu: x86\n  os: mswin32\n  version:";
  const specification = gemSpecification({ name: "foo", version: "1.0", platform });
  const [, data] = gemMembers(specification);
  const { key } = await read(t, tarArchive([data!, { name: "metadata", body: specification }]));
  assert.equal(key, "gems/foo-1.0-x86-mswin32.gem");
});

test("a signed gem is marked as such", async (t) => {
  const members = gemMembers(gemSpecification({ name: "foo", version: "1.0" }));
  const { metadata } = await read(t, tarArchive([...members, { name: "data.tar.gz.sig", body: "x" }]));
  assert.equal(metadata["signed"], true);
});

const specification = gemSpecification({ name: "foo", version: "1.0" });
const members: TarMember[] = gemMembers(specification);
const [metadata, data, checksums] = members as [TarMember, TarMember, TarMember];
const other = gzipSync("other");
const rejected: { name: string; members: TarMember[]; reason: RegExp }[] = [
  { name: "no data", members: [metadata], reason: /no data\.tar\.gz/ },
  { name: "no metadata", members: [data], reason: /no metadata\.gz/ },
  { name: "metadata twice", members: [...members, metadata], reason: /metadata\.gz twice/ },
  {
    name: "both kinds of metadata",
    members: [...members, { name: "metadata", body: specification }],
    reason: /both metadata/,
  },
  { name: "an entry of another name", members: [...members, { name: "evil" }], reason: /"evil", which is not part/ },
  { name: "an entry behind dots", members: [...members, { name: "./metadata.gz" }], reason: /not part of a gem/ },
  {
    name: "a link as metadata",
    members: [{ ...metadata, flag: "2", body: "", linkName: "x" }, data],
    reason: /not a file but a symlink/,
  },
  {
    name: "data that does not match its checksums",
    members: [metadata, { ...data, body: other }, checksums],
    reason: /SHA256 of its data\.tar\.gz does not match/,
  },
  { name: "metadata that is not gzip data", members: [{ ...metadata, body: "no gzip data" }, data], reason: /damaged/ },
  {
    name: "metadata that unpacks to too much",
    members: [{ ...metadata, body: gzipSync(Buffer.alloc(11_000_000)) }, data],
    reason: /its metadata\.gz unpacks to more than 10 MiB \(limit "manifest" of FEEDCTL_LIMITS\)/,
  },
  { name: "metadata that is not YAML", members: [{ ...metadata, body: gzipSync("a: [") }, data], reason: /not YAML/ },
  {
    name: "metadata that is not a mapping",
    members: [{ ...metadata, body: gzipSync("- a") }, data],
    reason: /not a YAML mapping/,
  },
  {
    name: "an alias that names nothing",
    members: [{ ...metadata, body: gzipSync(specification.replace("name: foo", "name: *x")) }, data],
    reason: /is not YAML|without an anchor/,
  },
  {
    name: "a name twice",
    members: [{ ...metadata, body: gzipSync(`${specification}name: bar\n`) }, data],
    reason: /"name" twice/,
  },
  { name: "a path out of the package", members: [...members, { name: "../x" }], reason: /leads out/ },
];
for (const { name, members: entries, reason } of rejected) {
  test(`a gem with ${name} is rejected`, async (t) => {
    await assert.rejects(read(t, tarArchive(entries)), (error: Error & { code?: string }) => {
      assert.equal(error.code, "invalid");
      assert.match(error.message, /^foo-1\.0\.gem is not a valid gem: [^\n]+$/);
      assert.match(error.message, reason);
      return true;
    });
  });
}

test("names, versions and platforms that RubyGems never allowed are rejected", async (t) => {
  const table: [content: Partial<Gem>, reason: RegExp][] = [
    ...["-foo", ".foo", "_foo", "foo bar", "1.0", "foo.gem", "a/b", "a".repeat(201), "[]"].map(
      (name): [Partial<Gem>, RegExp] => [{ name }, /not a name of a gem|no "name"/],
    ),
    ...["a", "1..0", "1.0 2", "''", "[]", `1.${"0".repeat(200)}`, `1${"-1".repeat(60)}`].map(
      (version): [Partial<Gem>, RegExp] => [{ version }, /not a gem's version|no "version"/],
    ),
    ...["64bit", "a b", "../x", "[]", "{cpu: [a]}"].map((platform): [Partial<Gem>, RegExp] => [
      { platform },
      /"platform" .* is not a platform/,
    ]),
  ];
  for (const [content, reason] of table) {
    const reading = readGem(t, { name: "foo", version: "1.0", ...content });
    await assert.rejects(reading, { code: "invalid", message: reason }, JSON.stringify(content));
  }
});

test("broken containers are rejected with a reason", async (t) => {
  const good = gemArchive({ name: "foo", version: "1.0" });
  for (const [bytes, reason] of [
    [Buffer.alloc(0), /empty/],
    [gzipSync(good), /it is gzip data, not an uncompressed tar archive/],
    [good.subarray(0, 700), /ends inside/],
    // cut between two entries: before its end, and before its checksums, where an old gem ends
    [good.subarray(0, -1024), /has no end: it was cut off/],
    [good.subarray(0, -2048), /has no end: it was cut off/],
    [Buffer.concat([good, Buffer.from("x")]), /data follows/],
  ] as const) {
    await assert.rejects(read(t, bytes), { code: "invalid", message: reason });
  }
});

/** Samples that rubygems.org refuses as well: gems without data, or compressed as a whole. */
const refused: Record<string, RegExp> = {
  "aliases-nodata-0.0.1.gem": /no data\.tar\.gz/,
  "dos-3.0.0.gem": /no data\.tar\.gz/,
  "bad-characters-1.0.0.gem": /it is gzip data/,
};
test("samples are what an independent tool says they are, hostile ones are refused", { skip: noShared }, async () => {
  const rows = readSampleManifest().filter(([file]) => file!.startsWith("gem/"));
  assert.equal(rows.length, 12);
  for (const [file, , , name, version, platform] of rows) {
    const reading = rubygems.read(packageFileAt(samplePath(...file!.split("/"))));
    const reason = refused[file!.slice("gem/".length)];
    if (reason !== undefined) await assert.rejects(reading, { code: "invalid", message: reason });
    else {
      const identity = await reading;
      assert.deepEqual([identity.name, identity.version, identity.qualifier], [name, version, ""]);
      assert.equal(platform, "ruby");
    }
  }
});
