import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { conan } from "../../../src/formats/conan/format.ts";
import { parseConanManifest, revisionOf } from "../../../src/formats/conan/manifest.ts";
import { conanUpload, type ConanUpload } from "../../support/fixtures/conan.ts";
import { createRandom, mutate } from "../../support/fuzz.ts";
import { packageFileAt } from "../../support/package-file.ts";
import { packageFolder } from "../../support/package-folder.ts";

const conanfile = `from conan import ConanFile

class Widget(ConanFile):
    name = "widget"
    version = "1.2.0" # the newest
    description = 'A widget'
    license = "MIT"

    def build(self):
        name = "something else"
`;
const widget: ConanUpload = { reference: "widget/1.2.0", conanfile };

/** Writes an upload below a data folder; `read` reads one of its files, `write` changes it before. */
function upload(t: TestContext, content: ConanUpload) {
  const made = conanUpload(content);
  const { directory } = packageFolder(t, made.files);
  return {
    ...made,
    directory,
    read: (name: string) => conan.read(packageFileAt(path.join(directory, name))),
    write(name: string, bytes: string | Uint8Array) {
      mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
      writeFileSync(path.join(directory, name), bytes);
    },
  };
}

test("a recipe's file is read whole", async (t) => {
  const { read, recipeFolder, recipeRevision } = upload(t, widget);
  const { sortKey, ...rest } = await read(`${recipeFolder}/conanfile.py`);
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "widget",
    nameKey: "widget",
    version: "1.2.0",
    normalizedVersion: "1.2.0",
    prerelease: false,
    qualifier: `file=conanfile.py&rrev=${recipeRevision}`,
    key: `widget/1.2.0/_/_/${recipeRevision}/export/conanfile.py`,
    contentType: "application/octet-stream",
    metadata: { description: "A widget", license: "MIT" },
    warnings: [],
  });
});

test("every file of a server's folder is a file of one version, and its path is its key", async (t) => {
  const { files, read, packageRevision, recipeRevision } = upload(t, {
    ...widget,
    reference: "widget/1.2.0/acme/stable",
  });
  const identities = await Promise.all(Object.keys(files).map((name) => read(name)));
  assert.deepEqual(
    identities.map(({ key }) => key),
    Object.keys(files),
  );
  assert.equal(new Set(identities.map(({ qualifier }) => qualifier)).size, 7);
  for (const { group, name, version, metadata, warnings } of identities)
    assert.deepEqual(
      [group, name, version, metadata["license"], warnings],
      ["acme/stable", "widget", "1.2.0", "MIT", []],
    );
  const binary = identities.find(({ key }) => key.endsWith("conan_package.tgz"))!;
  const id = "a".repeat(40);
  assert.equal(binary.qualifier, `file=conan_package.tgz&package=${id}&prev=${packageRevision}&rrev=${recipeRevision}`);
});

test("a user without a channel is the group alone", async (t) => {
  const { read, recipeFolder } = upload(t, { ...widget, reference: "widget/1.2.0/acme/_" });
  assert.equal((await read(`${recipeFolder}/conanfile.py`)).group, "acme");
});

test("files below metadata may have any name", async (t) => {
  const { read, write, recipeFolder, packageFolder: binary } = upload(t, widget);
  for (const folder of [recipeFolder, binary]) {
    for (const name of ["metadata/build.log", "metadata/export/x/a+b.txt", "metadata/package/a/b/metadata/c"]) {
      write(`${folder}/${name}`, "");
      const identity = await read(`${folder}/${name}`);
      assert.equal(identity.key, `${folder}/${name}`);
      assert.ok(identity.qualifier.startsWith(`file=${encodeURIComponent(name)}&`));
    }
  }
});

test("a manifest's hash is the revision that Conan itself gives it", () => {
  const manifest = `1795243148
LICENSE: d6cf482a784365a876cc8ebd3fcda480
conanfile.py: f588907fd272a38e4a111f5506fa540e
export_source/src/a.c: 401b30e3b8b5d629635a5c613cdb7919
`;
  const revision = "9728705b05effaa592fd686d6574d8ed";
  assert.equal(revisionOf(parseConanManifest(Buffer.from(manifest))), revision);
  const shuffled = manifest.split("\n").toReversed().slice(0, -1).join("\r\n");
  assert.equal(revisionOf(parseConanManifest(Buffer.from(`1\n${shuffled}`))), revision);
});

test("a revision that is a commit is not checked against the manifest", async (t) => {
  const { read, recipeFolder } = upload(t, { ...widget, revision: "0123456789abcdef0123456789abcdef01234567" });
  assert.match(
    (await read(`${recipeFolder}/conanfile.py`)).key,
    /\/0123456789abcdef0123456789abcdef01234567\/export\//,
  );
});

test("a recipe with another name or version than its folder adds a warning", async (t) => {
  const { read, recipeFolder } = upload(t, { ...widget, reference: "gadget/2.0.0" });
  assert.deepEqual((await read(`${recipeFolder}/conanfile.py`)).warnings, [
    'its recipe says name "widget", but it lies in the folder of "gadget"',
    'its recipe says version "1.2.0", but it lies in the folder of "2.0.0"',
  ]);
});

test("a file that does not match its manifest is rejected", async (t) => {
  const changes: [file: "recipe" | "package", name: string, bytes: string | Buffer, reason: RegExp][] = [
    ["recipe", "conanfile.py", "changed", /its MD5 does not match/],
    ["package", "conaninfo.txt", "changed", /its MD5 does not match/],
    ["recipe", "conanmanifest.txt", "1\nconanfile.py: 0123456789abcdef0123456789abcdef\n", /is that of revision/],
    ["recipe", "conanmanifest.txt", "no time\n", /does not begin with a time/],
    ["recipe", "conanmanifest.txt", "1\nconanfile.py\n", /not a path and an MD5/],
    ["recipe", "conanmanifest.txt", `1\n${"a: 0123456789abcdef0123456789abcdef\n".repeat(2)}`, /a path twice/],
    ["recipe", "conanmanifest.txt", "", /the file is empty/],
    ["recipe", "conan_export.tgz", "PK\u0003\u0004", /a zip archive, not gzip data/],
    ["package", "conan_package.tgz", "", /the file is empty/],
    ["package", "conan_package.tzst", "hello", /not zstandard data/],
    ["package", "conan_package.txz", "hello", /not xz data/],
  ];
  for (const [where, name, bytes, reason] of changes) {
    const { read, write, recipeFolder, packageFolder: binary } = upload(t, widget);
    const file = `${where === "recipe" ? recipeFolder : binary}/${name}`;
    write(file, bytes);
    await assert.rejects(read(file), { code: "invalid", message: reason }, name);
  }
  const { read, directory, recipeFolder } = upload(t, widget);
  rmSync(path.join(directory, recipeFolder, "conanmanifest.txt"));
  await assert.rejects(read(`${recipeFolder}/conanfile.py`), { code: "invalid", message: /upload was not finished/ });
});

test("a path outside a server's layout is rejected", async (t) => {
  const revision = "a".repeat(32);
  const table: [file: string, reason: RegExp][] = [
    ["conanfile.py", /not lie in the layout of a Conan server/],
    // the folders above it may look like those of a Conan 1 client
    ["export/conanfile.py", /not lie in the layout|Conan 1 client/],
    ["widget/1.2.0/_/_/latest/export/conanfile.py", /not lie in the layout/],
    [`a b/1.2.0/_/_/${revision}/export/conanfile.py`, /"a b" is not a name/],
    [`.x/1.2.0/_/_/${revision}/export/conanfile.py`, /"\.x" is not a name/],
    [`widget/1 0/_/_/${revision}/export/conanfile.py`, /"1 0" is not a Conan version/],
    [`widget/1.0/-/_/${revision}/export/conanfile.py`, /"-" is not a user or channel/],
    [`widget/1.0/_/x/${revision}/export/conanfile.py`, /channel "x" without a user/],
    [`widget/1.0/_/_/${revision}/export/other.txt`, /a Conan recipe has no file "other\.txt"/],
    [`widget/1.0/_/_/${revision}/export/conaninfo.txt`, /a Conan recipe has no file/],
    [`widget/1.0/_/_/${revision}/export/metadata/a b`, /cannot be a path of Conan's metadata/],
    [`widget/1.0/_/_/${revision}/package/x/${revision}/conaninfo.txt`, /"x" is not an id/],
    [`widget/1.0/_/_/${revision}/package/${"a".repeat(40)}/x/conaninfo.txt`, /"x" is not a Conan revision/],
    [`widget/1.0/_/_/${revision}/package/${"a".repeat(40)}/${revision}/conanfile.py`, /a Conan package has no file/],
  ];
  for (const [file, reason] of table) {
    const folder = packageFolder(t, { [file]: "x" });
    await assert.rejects(conan.read(folder.file(file)), { code: "invalid", message: reason }, file);
  }
});

test("the directory of Artifactory, where the user comes first, gives the same packages under the same keys", async (t) => {
  const named = (name: string, version: string) =>
    `class Widget(ConanFile):\n    name = "${name}"\n    version = "${version}"\n`;
  const table: [reference: string, recipe: string, place: string][] = [
    ["_/widget/1.2.0/_", "#", "widget/1.2.0/_/_"],
    ["acme/widget/1.2.0/_", named("widget", "1.2.0"), "widget/1.2.0/acme/_"],
    ["acme/widget/1.2.0/stable", named("widget", "1.2.0"), "widget/1.2.0/acme/stable"],
    ["acme/widget/main/stable", '    name = "widget"\n', "widget/main/acme/stable"],
    ["acme/widget/1.2.0/stable", '    version = "1.2.0"\n', "widget/1.2.0/acme/stable"],
    // a server's own layout is kept, even if the names look like Artifactory's
    ["widget/1.2.0/acme/stable", "#", "widget/1.2.0/acme/stable"],
    ["widget/1.2.0/widget/stable", named("widget", "1.2.0"), "widget/1.2.0/widget/stable"],
    ["widget/main/acme/stable", named("widget", "main"), "widget/main/acme/stable"],
    ["widget/main/1.2/stable", '    version = "main"\n', "widget/main/1.2/stable"],
  ];
  for (const [reference, recipe, place] of table) {
    const { files, read } = upload(t, { reference, conanfile: recipe });
    for (const name of Object.keys(files)) {
      const { key, warnings } = await read(name);
      assert.equal(key, name.replace(reference, place));
      assert.deepEqual(warnings, []);
    }
  }
});

test("a path that may be a server's or Artifactory's is refused", async (t) => {
  const { read, recipeFolder } = upload(t, { reference: "acme/widget/1.2.0/stable", conanfile: "#" });
  await assert.rejects(read(`${recipeFolder}/conanfile.py`), {
    code: "invalid",
    message: /may mean acme\/widget@1\.2\.0\/stable .* or widget\/1\.2\.0@acme\/stable \(Artifactory\)/,
  });
});

test("the cache of a client is refused, and the error says what to do", async (t) => {
  const id = "a".repeat(40);
  const table: [file: string, reason: RegExp][] = [
    ["p/widge09ff80cbc0728/e/conanfile.py", /Conan 2 client.*conan upload/],
    ["p/5cb229164ec1d245/e/conanfile.py", /Conan 2 client/],
    ["p/b/widge09ff80cbc0728/p/conaninfo.txt", /Conan 2 client/],
    ["p/widge09ff80cbc0728/d/conan_export.tgz", /Conan 2 client/],
    ["p/cache.sqlite3", /Conan 2 client/],
    ["widget/1.2.0/_/_/export/conanfile.py", /Conan 1 client.*conan upload/],
    ["widget/1.2.0/acme/stable/dl/export/conan_export.tgz", /Conan 1 client/],
    [`widget/1.2.0/_/_/package/${id}/conaninfo.txt`, /Conan 1 client/],
    ["widget/1.2.0/_/_/metadata.json", /Conan 1 client/],
    ["saved.tgz", /layout of a Conan server.*"conan cache save" has to be restored first/],
  ];
  for (const [file, reason] of table) {
    const folder = packageFolder(t, { [file]: "x" });
    await assert.rejects(conan.read(folder.file(file)), { code: "invalid", message: reason }, file);
  }
});

test("lists of revisions are sidecars", () => {
  for (const name of ["revisions.txt", "revisions.txt.lock"]) assert.ok(conan.isSidecar!(name));
  for (const name of ["conanmanifest.txt", "my-revisions.txt"]) assert.ok(!conan.isSidecar!(name));
});

test("200 mutants of each file are read or refused, and nothing else", async (t) => {
  const { files, read, write } = upload(t, widget);
  let refused = 0;
  for (const [name, content] of Object.entries(files)) {
    for (let seed = 1; seed <= 200; seed++) {
      write(name, mutate(Buffer.from(content), createRandom(seed)));
      await read(name).catch((error: Error & { code?: string }) => {
        assert.equal(error.code, "invalid", `${name}, seed ${seed}: ${error.stack}`);
        assert.doesNotMatch(error.message, /\n/);
        refused++;
      });
    }
    write(name, content);
  }
  assert.ok(refused > 500, `${refused} refused`);
});
