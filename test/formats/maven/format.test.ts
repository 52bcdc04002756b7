import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { maven } from "../../../src/formats/maven/format.ts";
import { jar, pom } from "../../support/fixtures/maven.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";
import { packageFileAt } from "../../support/package-file.ts";
import { packageFolder } from "../../support/package-folder.ts";
import { noShared, samplePath } from "../../support/shared.ts";

const widget = { group: "org.acme", artifact: "widget", version: "1.0" };

/** Reads one file of a folder. */
function readOne(t: TestContext, name: string, files: Record<string, string | Uint8Array>) {
  return maven.read(packageFolder(t, files).file(name));
}

test("a pom is read whole", async (t) => {
  const inner = `<packaging>jar</packaging><name>W&eacute;dget</name><description>A widget</description>
    <licenses><license><name>MIT</name></license></licenses><scm><url>https://example.org/</url></scm>
    <dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>\${v}</version><scope>test</scope></dependency></dependencies>`;
  const identity = await readOne(t, "widget-1.0-RC2.pom", {
    "widget-1.0-RC2.pom": pom({ ...widget, version: "1.0-RC2", inner }),
  });
  const { sortKey, ...rest } = identity;
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "org.acme",
    name: "widget",
    nameKey: "widget",
    version: "1.0-RC2",
    normalizedVersion: "1.0-RC2",
    prerelease: true,
    qualifier: "extension=pom",
    key: "org/acme/widget/1.0-RC2/widget-1.0-RC2.pom",
    contentType: "application/xml",
    metadata: {
      packaging: "jar",
      name: "Wédget",
      description: "A widget",
      licenses: [{ name: "MIT" }],
      scm: "https://example.org/",
      dependencies: [{ groupId: "g", artifactId: "a", version: "${v}", scope: "test" }],
    },
    warnings: [],
  });
});

test("every file beside a pom is a file of its version, distinguished by classifier and extension", async (t) => {
  const names: Record<string, string> = {
    "widget-1.0.jar": "extension=jar",
    "widget-1.0-sources.jar": "classifier=sources&extension=jar",
    "widget-1.0-jdk1.5.jar": "classifier=jdk1.5&extension=jar",
    "widget-1.0-linux-x86_64.exe": "classifier=linux-x86_64&extension=exe",
    "widget-1.0.tar.gz": "extension=tar.gz",
    "widget-1.0-bin.tar.bz2": "classifier=bin&extension=tar.bz2",
    "widget-1.0.module": "extension=module",
    "widget-1.0.jar.asc": "extension=jar.asc",
    "widget-1.0.pom.asc": "extension=pom.asc",
    "widget-1.0-bin.tar.gz.asc": "classifier=bin&extension=tar.gz.asc",
    "widget-1.0-cyclonedx.json.sigstore.json": "classifier=cyclonedx&extension=json.sigstore.json",
    "widget-1.0-a+b.txt": "classifier=a%2Bb&extension=txt",
  };
  const content = (name: string) => (name.endsWith(".gz") ? Buffer.from("1f8b0800", "hex") : jar());
  const { file } = packageFolder(t, {
    "widget-1.0.pom": pom({ ...widget, inner: "<description>A widget</description>" }),
    ...Object.fromEntries(Object.keys(names).map((name) => [name, content(name)])),
  });
  for (const [name, qualifier] of Object.entries(names)) {
    const identity = await maven.read(file(name));
    assert.deepEqual(
      [identity.group, identity.name, identity.version, identity.qualifier, identity.key],
      ["org.acme", "widget", "1.0", qualifier, `org/acme/widget/1.0/${name}`],
    );
    assert.deepEqual(identity.warnings, []);
    assert.equal(identity.metadata["description"], "A widget");
  }
});

test("group and version come from the parent when a pom omits them", async (t) => {
  const parent = { group: "org.acme", artifact: "parent", version: "7" };
  const inherits = pom({ artifact: "widget", parent });
  const identity = await readOne(t, "widget-7.jar", { "widget-7.pom": inherits, "widget-7.jar": jar() });
  assert.equal(identity.key, "org/acme/widget/7/widget-7.jar");
  assert.deepEqual(identity.metadata["parent"], { groupId: "org.acme", artifactId: "parent", version: "7" });
  const overrides = pom({ ...widget, parent });
  assert.equal((await readOne(t, "x.pom", { "x.pom": overrides })).key, "org/acme/widget/1.0/widget-1.0.pom");
});

test("of several poms, the longest artifact and version that begin the file name count", async (t) => {
  const { file } = packageFolder(t, {
    "a-1.0.pom": pom({ group: "g", artifact: "a", version: "1.0" }),
    "a-1.0-beta.pom": pom({ group: "g", artifact: "a", version: "1.0-beta" }),
    "a-b-1.0.pom": pom({ group: "g", artifact: "a-b", version: "1.0" }),
    "called-otherwise.pom": pom({ group: "h", artifact: "other", version: "2" }),
    "broken.pom": "<project>",
    "a-1.0.jar": jar(),
    "a-1.0-beta.jar": jar(),
    "a-1.0-beta-sources.jar": jar(),
    "a-1.0-javadoc.jar": jar(),
    "a-b-1.0.jar": jar(),
    "other-2.jar": jar(),
    "stranger-1.jar": jar(),
  });
  const keys = {
    "a-1.0.jar": "g/a/1.0/a-1.0.jar",
    "a-1.0-beta.jar": "g/a/1.0-beta/a-1.0-beta.jar",
    "a-1.0-beta-sources.jar": "g/a/1.0-beta/a-1.0-beta-sources.jar",
    "a-1.0-javadoc.jar": "g/a/1.0/a-1.0-javadoc.jar",
    "a-b-1.0.jar": "g/a-b/1.0/a-b-1.0.jar",
    "other-2.jar": "h/other/2/other-2.jar",
  };
  for (const [name, key] of Object.entries(keys)) assert.equal((await maven.read(file(name))).key, key);
  await assert.rejects(maven.read(file("stranger-1.jar")), {
    code: "invalid",
    message: /^stranger-1\.jar is not a valid Maven artifact: no pom beside it says what it belongs to$/,
  });
});

test("a broken pom rejects the files that belong to it by name", async (t) => {
  const files = { "a-1.pom": "<project>", "a-1.jar": jar("g:a:1"), "a-1-sources.jar": jar() };
  for (const name of ["a-1.jar", "a-1-sources.jar"])
    await assert.rejects(readOne(t, name, files), {
      code: "invalid",
      message: /the pom beside it, a-1\.pom, is not valid/,
    });
});

test(
  "a link is not read as a pom",
  { skip: process.platform === "win32" ? "links need rights on Windows" : false },
  async (t) => {
    const { directory, file } = packageFolder(t, { target: pom(widget), "widget-1.0.jar": jar() });
    symlinkSync(path.join(directory, "target"), path.join(directory, "widget-1.0.pom"));
    await assert.rejects(maven.read(file("widget-1.0.jar")), { code: "invalid", message: /no pom beside it/ });
  },
);

test("without a pom, an archive is identified by its pom.properties, if the file name agrees", async (t) => {
  const table: [name: string, content: Buffer, key: string, warnings: number][] = [
    ["widget-1.0.jar", jar("org.acme:widget:1.0"), "org/acme/widget/1.0/widget-1.0.jar", 0],
    ["widget-1.0-all.jar", jar("g:b:2", "org.acme:widget:1.0"), "org/acme/widget/1.0/widget-1.0-all.jar", 0],
    ["widget.war", jar("org.acme:widget:1.0"), "org/acme/widget/1.0/widget-1.0.war", 1],
    ["widget-9.jar", jar("org.acme:widget:1.0"), "org/acme/widget/1.0/widget-1.0.jar", 1],
  ];
  for (const [name, content, key, warnings] of table) {
    const identity = await readOne(t, name, { [name]: content });
    assert.equal(identity.key, key);
    assert.equal(identity.warnings.length, warnings, identity.warnings.join("\n"));
    const signature = await readOne(t, `${name}.asc`, { [name]: content, [`${name}.asc`]: "-----BEGIN" });
    assert.equal(signature.key, `${key}.asc`);
  }
  const rejected: [name: string, content: Buffer | string, reason: RegExp][] = [
    ["app-1.0-all.jar", jar("g:guava:31"), /no pom beside it .* its pom\.properties are of g:guava:31$/],
    ["widget-all.jar", jar("org.acme:widget:1.0"), /are of org\.acme:widget:1\.0$/],
    ["app-1.0.jar", jar("g:a:1", "g:b:1"), /are of 2 artifacts$/],
    ["app-1.0.jar", jar(), /no pom beside it says what it belongs to$/],
    ["app-1.0.tar.gz", Buffer.from("1f8b0800", "hex"), /no pom beside it/],
    ["app-1.0.jar.asc", "-----BEGIN", /no pom beside it says what it belongs to$/],
    ["app-1.0.jar", jar("g: :1"), /not a Maven artifactId/],
  ];
  for (const [name, content, reason] of rejected)
    await assert.rejects(readOne(t, name, { [name]: content }), { code: "invalid", message: reason }, name);
});

test("snapshots keep their folder, and every build of one is a version of its own", async (t) => {
  const build = "widget-1.0-20200101.120000-3";
  const { file } = packageFolder(t, {
    "widget-1.0-SNAPSHOT.pom": pom({ ...widget, version: "1.0-SNAPSHOT" }),
    "widget-1.0-SNAPSHOT.jar": jar(),
    [`${build}.pom`]: pom({ ...widget, version: "1.0-SNAPSHOT" }),
    [`${build}.jar`]: jar(),
    [`${build}-sources.jar`]: jar(),
    "widget-1.0-20200102.000000-4-tests.jar": jar(),
  });
  const table: Record<string, [version: string, qualifier: string]> = {
    "widget-1.0-SNAPSHOT.jar": ["1.0-SNAPSHOT", "extension=jar"],
    [`${build}.pom`]: ["1.0-20200101.120000-3", "extension=pom"],
    [`${build}.jar`]: ["1.0-20200101.120000-3", "extension=jar"],
    [`${build}-sources.jar`]: ["1.0-20200101.120000-3", "classifier=sources&extension=jar"],
    "widget-1.0-20200102.000000-4-tests.jar": ["1.0-20200102.000000-4", "classifier=tests&extension=jar"],
  };
  for (const [name, [version, qualifier]] of Object.entries(table)) {
    const identity = await maven.read(file(name));
    assert.deepEqual([identity.normalizedVersion, identity.qualifier], [version, qualifier]);
    assert.equal(identity.key, `org/acme/widget/1.0-SNAPSHOT/${name}`);
    assert.equal(identity.metadata["baseVersion"], version.endsWith("SNAPSHOT") ? undefined : "1.0-SNAPSHOT");
    assert.ok(identity.prerelease);
    assert.deepEqual(identity.warnings, []);
  }
});

test("a checksum beside an artifact is verified, whatever tool wrote it", async (t) => {
  const empty = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
  const right = "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33";
  const table: [checksum: string, reason: RegExp | undefined, warnings: number][] = [
    [right, undefined, 0],
    [`${right.toUpperCase()}\n`, undefined, 0],
    [`${right} *widget-1.0.txt\n`, undefined, 0],
    [`SHA1 (widget-1.0.txt) = ${right}\n`, undefined, 0],
    ["<html>not found</html>", undefined, 1],
    ["", undefined, 1],
    [empty, /its sha1 does not match widget-1\.0\.txt\.sha1$/, 0],
  ];
  for (const [checksum, reason, warnings] of table) {
    const read = readOne(t, "widget-1.0.txt", {
      "widget-1.0.pom": pom(widget),
      "widget-1.0.txt": "foo",
      "widget-1.0.txt.sha1": checksum,
      "widget-1.0.txt.md5": "acbd18db4cc2f85cedef654fccc4a4d8",
      "widget-1.0.txt.sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    });
    if (reason === undefined) assert.equal((await read).warnings.length, warnings, checksum);
    else await assert.rejects(read, { code: "invalid", message: reason });
  }
});

test("a repository's own files are sidecars, deployed files are not", async (t) => {
  const sidecars = [
    ..."md5 sha1 sha256 sha512 asc.md5".split(" ").map((ending) => `widget-1.0.jar.${ending}`),
    ..."maven-metadata.xml maven-metadata-central.xml maven-metadata.xml.sha1 _remote.repositories".split(" "),
    ..."widget-1.0.pom.lastUpdated resolver-status.properties m2e-lastUpdated.properties".split(" "),
  ];
  for (const name of sidecars) {
    assert.ok(maven.isSidecar!(name), name);
    await assert.rejects(readOne(t, name, { [name]: "x" }), { code: "invalid", message: /not an artifact/ });
  }
  for (const name of ["widget-1.0.jar", "widget-1.0.jar.asc", "widget-1.0.pom", "my-maven-metadata.xml", "md5"])
    assert.ok(!maven.isSidecar!(name), name);
  assert.ok(maven.extensions.some((extension) => "widget-1.0.anything".endsWith(extension)));
});

const rejectedPoms: [content: string, reason: RegExp][] = [
  ["", /the file is empty/],
  ["<html></html>", /not a "project" but a "html"/],
  [pom({ artifact: "a", version: "1" }), /its pom has no groupId/],
  [pom({ group: "g", version: "1" }), /its pom has no artifactId/],
  [pom({ group: "g", artifact: "a" }), /its pom has no version/],
  [pom({ ...widget, version: "${revision}" }), /version "\$\{revision\}", which only its build can resolve/],
  [pom({ artifact: "a", parent: { ...widget, version: "${changelist}" } }), /version "\$\{changelist\}"/],
  [pom({ ...widget, group: "${g}" }), /groupId "\$\{g\}"/],
  [pom({ ...widget, group: "org..acme" }), /"org\.\.acme" is not a Maven groupId/],
  [pom({ ...widget, group: "org/acme" }), /not a Maven groupId/],
  [pom({ ...widget, group: "g".repeat(201) }), /not a Maven groupId/],
  [pom({ ...widget, artifact: ".." }), /not a Maven artifactId/],
  [pom({ ...widget, artifact: "../x" }), /not a Maven artifactId/],
  [pom({ ...widget, version: "1/../.." }), /not a Maven version/],
  [pom({ ...widget, version: "[1,2)" }), /not a Maven version/],
  [pom({ ...widget, inner: "<version>2</version>" }), /2 elements "version"/],
  [pom({ ...widget, version: "1&revision;" }), /malformed/],
  [
    `<!DOCTYPE project [<!ENTITY a "b">]>${pom({ ...widget, version: "&a;" }).replace(/<\?xml.*?\?>/, "")}`,
    /malformed/,
  ],
  [" ".repeat(11 * 1024 * 1024), /the pom has more than 10 MiB/],
];
test("what Maven's own reader passes over in a pom is no reason to refuse it", async (t) => {
  const noise = {
    "Latin-1": Buffer.from(pom({ ...widget, inner: "<description>caf\u00e9</description>" }), "latin1"),
    "control characters": Buffer.from(pom({ ...widget, inner: "<description>a\u001b\0b</description>" })),
    "a DOCTYPE": Buffer.from(`<!DOCTYPE project>${pom(widget).replace(/<\?xml.*?\?>/, "")}`),
  };
  for (const [name, content] of Object.entries(noise)) {
    const identity = await readOne(t, "widget-1.0.pom", { "widget-1.0.pom": content });
    assert.deepEqual([identity.group, identity.version], ["org.acme", "1.0"], name);
    const expected = name === "a DOCTYPE" ? [] : ["its manifest is not clean UTF-8 text"];
    assert.deepEqual(identity.warnings, expected, name);
  }
});

test("wrong, incomplete and hostile poms are rejected with a reason", async (t) => {
  for (const [content, reason] of rejectedPoms)
    await assert.rejects(
      readOne(t, "a-1.pom", { "a-1.pom": content }),
      { code: "invalid", message: reason },
      content.slice(0, 300),
    );
});

test("files that do not match their extension are rejected", async (t) => {
  const { directory, file } = packageFolder(t, { "widget-1.0.pom": pom(widget) });
  const table: [name: string, content: string | Buffer, reason: RegExp][] = [
    ["widget-1.0.jar", "<!DOCTYPE html><html>", /a web page, not a zip archive/],
    ["widget-1.0.war", "hello", /not a zip archive/],
    ["widget-1.0.tar.gz", jar(), /a zip archive, not gzip data/],
    ["widget-1.0.txt", "", /the file is empty/],
    ["widget-1.0-sources", "x", /not a classifier and an extension/],
    ["widget-1.0-a b.jar", jar(), /not a classifier and an extension/],
    ["widget-1.0-\u001b[2J.jar", jar(), /not a classifier and an extension/],
    ["widget-1.0-ä.jar", jar(), /not a classifier and an extension/],
  ];
  for (const [name, content, reason] of table) {
    writeFileSync(path.join(directory, name), content);
    await assert.rejects(maven.read(file(name)), { code: "invalid", message: reason }, name);
  }
  const script = Buffer.concat([Buffer.from("#!/bin/bash\nexec java -jar\n"), jar()]);
  writeFileSync(path.join(directory, "widget-1.0-exec.jar"), script);
  assert.deepEqual((await maven.read(file("widget-1.0-exec.jar"))).warnings, []);
});

test("a file in another artifact's folder is read with a warning", async (t) => {
  const { file } = packageFolder(t, {
    "org/acme/widget/1.0/widget-1.0.pom": pom(widget),
    "com/acme/widget/1.0/widget-1.0.pom": pom(widget),
    "widget/1.1/widget-1.0.pom": pom(widget),
  });
  assert.deepEqual((await maven.read(file("org/acme/widget/1.0/widget-1.0.pom"))).warnings, []);
  for (const name of ["com/acme/widget/1.0/widget-1.0.pom", "widget/1.1/widget-1.0.pom"]) {
    const identity = await maven.read(file(name));
    assert.equal(identity.key, "org/acme/widget/1.0/widget-1.0.pom");
    assert.match(identity.warnings.join("\n"), /its place in a repository is org\/acme\/widget\/1\.0$/);
  }
});

const noJar = spawnSync("jar", ["--version"]).status === 0 ? false : "no jar of a JDK";
test("a jar of the JDK's own tool is read by the properties in it", { skip: noJar }, async (t) => {
  const { directory, file } = packageFolder(t, {
    "META-INF/maven/org.acme/widget/pom.properties": "version=1.0\r\ngroupId = org.acme\r\nartifactId: widget\r\n",
  });
  execFileSync("jar", ["--create", "--file", "widget-1.0.jar", "META-INF"], { cwd: directory, stdio: "ignore" });
  assert.equal((await maven.read(file("widget-1.0.jar"))).key, "org/acme/widget/1.0/widget-1.0.jar");
});

test("an archive whose properties are a bomb or a hostile path is rejected at once", async (t) => {
  const properties = (name: string, body: string | Buffer) =>
    readOne(t, "a-1.jar", { "a-1.jar": zipArchive([{ name, body }]) });
  const name = "META-INF/maven/g/a/pom.properties";
  await assert.rejects(properties(name, Buffer.alloc(11_000_000, " ")), {
    code: "invalid",
    message: /has more than 10 MiB/,
  });
  await assert.rejects(properties("../x", "x"), { code: "invalid", message: /unsafe filename/ });
  await assert.rejects(properties(name, "groupId=../g\nartifactId=a\nversion=1"), { message: /not a Maven groupId/ });
});

test("hostile and foreign sample archives are rejected with a reason", { skip: noShared }, async () => {
  for (const folder of ["bad-zip", "vsix", "nuget", "bad-tar"]) {
    for (const name of readdirSync(samplePath(folder)))
      await assert.rejects(maven.read(packageFileAt(samplePath(folder, name))), { code: "invalid" }, name);
  }
});
