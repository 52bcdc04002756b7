import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { nuget } from "../../../src/formats/nuget/format.ts";
import { nugetFileName, nupkg, type NugetPackage } from "../../support/fixtures/packages.ts";
import { zipArchive } from "../../support/fixtures/zip.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { noShared, readSampleManifest, samplePath } from "../../support/shared.ts";
import { cpuTime } from "../../support/cpu.ts";

function readNupkg(t: TestContext, content: NugetPackage, fileName = nugetFileName(content)) {
  return nuget.read(packageFile(t, fileName, nupkg(content)));
}

function readNuspec(t: TestContext, nuspec: string | Buffer) {
  return nuget.read(packageFile(t, "A.1.0.0.nupkg", zipArchive([{ name: "A.nuspec", body: nuspec }])));
}

const minimal = "<package><metadata><id>A</id><version>1.0.0</version></metadata></package>";

test("a package is read whole", async (t) => {
  const identity = await readNupkg(t, {
    id: "Acme.Widget",
    version: "1.01.0-Beta.2+sha",
    metadata: `<tags>one two</tags><license type="expression">MIT</license><projectUrl>https://example.org/</projectUrl>
      <dependencies><group targetFramework="net8.0"><dependency id="Other" version="[1.0,2.0)"/></group><group targetFramework="net48"/></dependencies>`,
    files: { "lib/net8.0/Acme.Widget.dll": "MZ", ".signature.p7s": "x" },
  });
  const { sortKey, ...rest } = identity;
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "Acme.Widget",
    nameKey: "acme.widget",
    version: "1.01.0-Beta.2+sha",
    normalizedVersion: "1.1.0-beta.2",
    prerelease: true,
    qualifier: "",
    key: "acme.widget/1.1.0-beta.2/acme.widget.1.1.0-beta.2.nupkg",
    contentType: "application/octet-stream",
    metadata: {
      authors: "Somebody",
      description: "A test package.",
      projectUrl: "https://example.org/",
      tags: ["one", "two"],
      license: { type: "expression", value: "MIT" },
      dependencies: [
        { targetFramework: "net8.0", dependencies: [{ id: "Other", version: "[1.0,2.0)" }] },
        { targetFramework: "net48", dependencies: [] },
      ],
      signed: true,
    },
    warnings: [],
  });
});

test("a package and its two kinds of symbols are one version with three keys and qualifiers", async (t) => {
  const content = { id: "A", version: "1.0.0" };
  const files = [
    await readNupkg(t, content),
    await readNupkg(t, { ...content, symbols: true }),
    await readNupkg(t, content, "A.1.0.0.symbols.nupkg"),
  ];
  assert.deepEqual(
    files.map(({ qualifier }) => qualifier),
    ["", "kind=symbols", "kind=legacy-symbols"],
  );
  assert.deepEqual(
    files.map(({ key }) => key),
    ["a/1.0.0/a.1.0.0.nupkg", "a/1.0.0/a.1.0.0.snupkg", "a/1.0.0/a.1.0.0.symbols.nupkg"],
  );
  assert.deepEqual(
    files.flatMap(({ warnings }) => warnings),
    [],
  );
});

test("the manifest decides what is a symbol package, and a .snupkg must be one", async (t) => {
  const identity = await readNupkg(t, { id: "A", version: "1.0.0", symbols: true }, "A.1.0.0.nupkg");
  assert.equal(identity.qualifier, "kind=symbols");
  assert.equal(identity.warnings.length, 1);
  await assert.rejects(readNupkg(t, { id: "A", version: "1.0.0" }, "A.1.0.0.snupkg"), {
    code: "invalid",
    message: /SymbolsPackage/,
  });
});

test("a file name that disagrees with the manifest only warns", async (t) => {
  const identity = await readNupkg(t, { id: "Real", version: "1.0" }, "Other.9.9.9.nupkg");
  assert.equal(identity.key, "real/1.0.0/real.1.0.0.nupkg");
  assert.match(
    identity.warnings.join("\n"),
    /^the file is called "Other\.9\.9\.9\.nupkg", but by its manifest it is Real\.1\.0\.0\.nupkg$/,
  );
  for (const fileName of ["Real.1.0.nupkg", "real.1.0.0.nupkg", "REAL.1.0.NUPKG"]) {
    assert.deepEqual((await readNupkg(t, { id: "Real", version: "1.0" }, fileName)).warnings, []);
  }
});

test("a nuspec is read in every encoding and namespace that tools write it in", async (t) => {
  const utf16 = `<?xml version="1.0" encoding="utf-16"?>${minimal}`;
  const texts: (string | Buffer)[] = [
    minimal,
    `\ufeff<?xml version="1.0" encoding="utf-8"?>${minimal}`,
    utf16,
    Buffer.from(`\ufeff${utf16}`, "utf16le"),
    Buffer.from(utf16, "utf16le"),
    Buffer.from(`\ufeff${utf16}`, "utf16le").swap16(),
    Buffer.from(
      `<?xml version="1.0" encoding="iso-8859-1"?>${minimal.replace("</id>", "</id><title>\u00e4</title>")}`,
      "latin1",
    ),
    '<n:package xmlns:n="http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd"><n:metadata><n:id> A </n:id><n:version>\n1.0.0</n:version></n:metadata></n:package>',
    "<package><metadata><id><![CDATA[A]]></id><version>1.0.0</version></metadata></package>",
  ];
  for (const text of texts) {
    const identity = await readNuspec(t, text);
    assert.equal(identity.name, "A");
    assert.equal(identity.version, "1.0.0");
    if (identity.metadata["title"] !== undefined) assert.equal(identity.metadata["title"], "ä");
  }
});

const withMetadata = (inner: string): string => `<package><metadata>${inner}</metadata></package>`;
const rejectedManifests: [nuspec: string | Buffer, reason: RegExp][] = [
  ["", /XML/],
  ["<package>", /malformed/],
  ["<html/>", /not a "package" but a "html"/],
  ["<package/>", /no "metadata"/],
  ["<package><metadata/><metadata/></package>", /2 elements "metadata"/],
  [withMetadata("<id>A</id>"), /no "version"/],
  [withMetadata("<version>1</version>"), /no "id"/],
  [withMetadata("<id>A</id><id>B</id><version>1</version>"), /2 elements "id"/],
  [withMetadata("<id>$id$</id><version>1.0</version>"), /token \$id\$/],
  [withMetadata("<id>A</id><version>$version$</version>"), /token \$version\$/],
  [withMetadata("<id>../A</id><version>1.0</version>"), /not a NuGet package id/],
  [withMetadata("<id>A/B</id><version>1.0</version>"), /not a NuGet package id/],
  [withMetadata("<id>A..B</id><version>1.0</version>"), /not a NuGet package id/],
  [withMetadata(`<id>${"A".repeat(101)}</id><version>1.0</version>`), /not a NuGet package id/],
  [withMetadata("<id>A</id><version>1.0.0/../..</version>"), /not a NuGet version/],
  [withMetadata(`<id>A</id><version>1.0.0-${"a".repeat(200)}</version>`), /not a NuGet version/],
  [withMetadata("<id>A</id><version>1.2147483648.0</version>"), /not a NuGet version/],
  [`<!DOCTYPE package [<!ENTITY a "b">]>${minimal}`, /DOCTYPE/],
  [minimal.replace("<id>A", "<id>&xxe;"), /malformed/],
  [`${"<a>".repeat(100)}${"</a>".repeat(100)}`, /nested more than 64 levels deep/],
  [Buffer.from([0xff, 0xfe, 0x3c]), /XML/],
  [Buffer.concat([Buffer.from("<package>"), Buffer.from([0xff])]), /not utf-8 text/],
];
test("wrong, incomplete and hostile manifests are rejected with a reason", async (t) => {
  for (const [nuspec, reason] of rejectedManifests) {
    await assert.rejects(readNuspec(t, nuspec), { code: "invalid", message: reason }, String(nuspec).slice(0, 80));
  }
});

test("a package without exactly one nuspec at its root is rejected", async (t) => {
  const entry = (name: string) => ({ name, body: minimal });
  const table: [names: string[], reason: RegExp][] = [
    [[], /no \.nuspec/],
    [["lib/A.nuspec"], /no \.nuspec/],
    [["A.nuspec", "B.nuspec"], /2 \.nuspec/],
    [["A.nuspec", "a.NUSPEC"], /2 \.nuspec/],
    [["A.nuspec", "../evil"], /unsafe filename/],
  ];
  for (const [names, reason] of table) {
    const file = packageFile(t, "A.1.0.0.nupkg", zipArchive(names.map(entry)));
    await assert.rejects(nuget.read(file), { code: "invalid", message: reason }, names.join(" "));
  }
});

test("a nuspec beyond the limit is not unpacked, even if the archive states a wrong size", async (t) => {
  const archive = zipArchive([{ name: "A.nuspec", body: Buffer.alloc(32 * 1024 * 1024, " ") }]);
  await assert.rejects(nuget.read(packageFile(t, "A.1.0.0.nupkg", archive)), {
    code: "invalid",
    message: /has more than 10 MiB/,
  });
  const lying = Buffer.from(archive);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(32 * 1024 * 1024);
  for (let at = lying.indexOf(size); at >= 0; at = lying.indexOf(size)) lying.writeUInt32LE(100, at);
  const started = cpuTime();
  await assert.rejects(nuget.read(packageFile(t, "A.1.0.0.nupkg", lying)), { code: "invalid" });
  assert.ok(cpuTime() - started < 5000);
});

test("a missing file is not found, and an aborted signal interrupts", async (t) => {
  await assert.rejects(nuget.read({ path: `${import.meta.dirname}/none.nupkg`, size: 1, name: "none.nupkg" }), {
    code: "not-found",
  });
  const file = packageFile(t, "A.1.0.0.nupkg", nupkg({ id: "A", version: "1.0.0" }));
  await assert.rejects(nuget.read(file, { signal: AbortSignal.abort() }), { code: "interrupted" });
});

test("real packages are read as an independent tool reads them", { skip: noShared }, async () => {
  const rows = readSampleManifest().filter(([name]) => name!.startsWith("nuget/"));
  assert.ok(rows.length >= 9);
  for (const [name, , , id, version] of rows) {
    const identity = await nuget.read(packageFileAt(samplePath(name!)));
    assert.deepEqual([identity.name, identity.version], [id, version]);
  }
});

const readableSamples: Record<string, string> = {
  "70k-entries-zip64.1.0.0.nupkg": "foo/1.0.0/foo.1.0.0.nupkg",
  "name-mismatch.9.9.9.nupkg": "real.id/1.0.0/real.id.1.0.0.nupkg",
};
test(
  "hostile sample archives are rejected with a reason, large and misnamed ones are read",
  { skip: noShared },
  async () => {
    for (const folder of ["bad-zip", "bad-zip-gen", "good-zip", "vsix", "pypi"]) {
      for (const name of readdirSync(samplePath(folder))) {
        const read = nuget.read(packageFileAt(samplePath(folder, name)));
        if (readableSamples[name] !== undefined) assert.equal((await read).key, readableSamples[name]);
        else await assert.rejects(read, { code: "invalid" }, name);
      }
    }
  },
);
