import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { isSdistName, normalizeProjectName, parseWheelName } from "../../../src/formats/pypi/name.ts";
import { pypi } from "../../../src/formats/pypi/format.ts";
import { sdist, wheel, type Wheel } from "../../support/fixtures/pypi.ts";
import { tarArchive } from "../../support/fixtures/tar.ts";
import { packageFile, packageFileAt } from "../../support/package-file.ts";
import { noShared, readSampleManifest, samplePath } from "../../support/shared.ts";
import { PATIENCE } from "../../support/wait.ts";

function readWheel(t: TestContext, content: Wheel, fileName: string) {
  return pypi.read(packageFile(t, fileName, wheel(content)));
}

test("a wheel is read whole", async (t) => {
  const content = {
    name: "Acme.Widget",
    version: "1.0.RC1",
    directory: "Acme_Widget-1.0rc1",
    metadata:
      "Summary: A widget\nLicense: UNKNOWN\nClassifier: A\nClassifier: B\nRequires-Dist: six>=1\nKeywords:\n\nLong\n\ntext\n",
    tags: ["cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64"],
  };
  const name = "Acme_Widget-1.0rc1-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";
  const { sortKey, ...rest } = await readWheel(t, content, name);
  assert.ok(sortKey.length > 0);
  assert.deepEqual(rest, {
    group: "",
    name: "Acme.Widget",
    nameKey: "acme-widget",
    version: "1.0.RC1",
    normalizedVersion: "1rc1",
    prerelease: true,
    qualifier: "file=acme_widget-1rc1-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    key: `acme-widget/${name}`,
    contentType: "application/octet-stream",
    metadata: {
      metadata_version: "2.1",
      summary: "A widget",
      classifier: ["A", "B"],
      requires_dist: ["six>=1"],
      description: "Long\n\ntext\n",
      build: "1",
      tags: content.tags,
    },
    warnings: [],
  });
});

for (const ending of [".tar.gz", ".zip", ".tar.bz2"] as const) {
  test(`a source package ${ending} is read, and keeps a name that agrees`, async (t) => {
    const bytes = sdist({ name: "Acme.Widget", version: "1.0.0" }, ending);
    const identity = await pypi.read(packageFile(t, `Acme.Widget-1.0${ending}`, bytes));
    assert.equal(identity.nameKey, "acme-widget");
    assert.equal(identity.normalizedVersion, "1");
    assert.equal(identity.key, `acme-widget/Acme.Widget-1.0${ending}`);
    assert.equal(identity.qualifier, `file=acme_widget-1${ending}`);
    assert.deepEqual(identity.warnings, []);
  });
}

test("a source package of another name gets the canonical one, with a warning", async (t) => {
  const bytes = sdist({ name: "Acme.Widget", version: "v1.0.0-beta_2" });
  for (const name of [
    "download.tar.gz",
    "other-1.0.tar.gz",
    "acme_widget-1.0.tar.gz",
    "\u001b[2J.tar.gz",
    "ACME.TAR.GZ",
  ]) {
    const identity = await pypi.read(packageFile(t, name, bytes));
    assert.equal(identity.key, "acme-widget/acme_widget-1.0.0b2.tar.gz");
    assert.equal(identity.warnings.length, 1);
    assert.match(identity.warnings[0]!, /by its manifest it is acme_widget-1\.0\.0b2\.tar\.gz$/);
  }
});

const accepted: { name: string; content: Wheel; fileName: string; warning?: RegExp }[] = [
  { name: "versions that are equal", content: { name: "a", version: "1.0.0" }, fileName: "a-1.0-py3-none-any.whl" },
  {
    name: "tags that disagree",
    content: { name: "a", version: "1", tags: ["py3-none-any"] },
    fileName: "a-1-py2.py3-none-any.whl",
    warning: /py2-none-any, py3-none-any, but its WHEEL for py3-none-any/,
  },
];
for (const { name, content, fileName, warning } of accepted) {
  test(`a wheel with ${name} is accepted${warning === undefined ? "" : " with a warning"}`, async (t) => {
    const { key, warnings } = await readWheel(t, content, fileName);
    assert.equal(key, `a/${fileName}`);
    assert.equal(warnings.length, warning === undefined ? 0 : 1, warnings.join("\n"));
    if (warning !== undefined) assert.match(warnings[0]!, warning);
  });
}

test("the order and case of a wheel's tags do not make it another file", async (t) => {
  const content = wheel({ name: "a", version: "1", tags: ["py2-none-any", "py3-none-any"] });
  const read = async (name: string) => pypi.read(packageFile(t, name, content));
  const [first, second] = [await read("a-1-py2.py3-none-any.whl"), await read("a-1-PY3.py2.py2-none-any.whl")];
  assert.equal(first.qualifier, "file=a-1-py2.py3-none-any.whl");
  assert.equal(second.qualifier, first.qualifier);
  assert.equal(second.key, "a/a-1-PY3.py2.py2-none-any.whl", "a name that lock files have is kept");
  assert.equal((await read("a-1-7x-py3.py2-none-any.whl")).qualifier, "file=a-1-7x-py2.py3-none-any.whl");
});

test("a PKG-INFO that is not UTF-8 is read as Latin-1, with a warning", async (t) => {
  const body = Buffer.from("Metadata-Version: 1.0\nName: a\nVersion: 1\nAuthor: J\u00f6rg\n", "latin1");
  const bytes = gzipSync(tarArchive([{ name: "a-1/PKG-INFO", body }]));
  const { metadata, warnings } = await pypi.read(packageFile(t, "a-1.tar.gz", bytes));
  assert.equal(metadata["author"], "J\u00f6rg");
  assert.match(warnings.join("\n"), /^its PKG-INFO is not UTF-8 text and was read as Latin-1$/);
});

test("the tables of Python's packaging library hold for names of projects and files", { skip: noShared }, () => {
  const tables = JSON.parse(readFileSync(samplePath("..", "vectors", "pypi.names_filenames.json"), "utf8")) as Record<
    string,
    string[][] & string[]
  >;
  assert.equal(tables["test_canonicalize_name"]!.length, 10);
  for (const [name, expected] of tables["test_canonicalize_name"]!) {
    assert.equal(normalizeProjectName(name!), expected);
  }
  for (const [file, name, version, build] of tables["test_parse_wheel_filename"]!) {
    const parsed = parseWheelName(file!)!;
    assert.equal(normalizeProjectName(parsed.project), name);
    assert.equal(`V:${parsed.version}`, version);
    assert.equal(parsed.build.length > 0, build !== "()");
    assert.deepEqual(parsed.tags, ["py3-none-any"]);
  }
  for (const file of tables["test_parse_wheel_invalid_filename"]!) {
    assert.equal(parseWheelName(file as unknown as string), undefined, String(file));
  }
  for (const [file, name, version] of tables["test_parse_sdist_filename"]!) {
    assert.ok(isSdistName(file!, name!, version!.replace(/^V:1\.0$/, "1")), file);
  }
  for (const file of tables["test_parse_sdist_invalid_filename"]!) {
    assert.equal(isSdistName(file as unknown as string, "foo", "1"), false, String(file));
  }
});

test("samples are what an independent tool says they are", { skip: noShared }, async () => {
  const rows = readSampleManifest().filter(([file]) => file!.startsWith("pypi/"));
  assert.equal(rows.length, 6);
  for (const [file, , , name, version] of rows) {
    const read = pypi.read(packageFileAt(samplePath(...file!.split("/"))));
    if (name === "") await assert.rejects(read, { code: "invalid" }, file);
    else {
      const identity = await read;
      assert.deepEqual([identity.name, identity.version], [name, version]);
      assert.equal(identity.key, `${name}/${path.basename(file!)}`);
    }
  }
});

/** Python with the given module, or why not. */
function noPython(module: string): string | false {
  const { status } = spawnSync("python3", ["-c", `import ${module}`], { timeout: PATIENCE });
  return status === 0 ? false : `no python3 with ${module} on this machine`;
}

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(path.join(tmpdir(), "feedctl-python-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("source packages that setuptools made are read without a warning", { skip: noPython("setuptools") }, async (t) => {
  const directory = temporaryDirectory(t);
  const setup = `from setuptools import setup
setup(name="Acme.Widget", version="1.0-RC1", description="A widget", py_modules=["w"], long_description="Long\\n\\ntext")`;
  writeFileSync(path.join(directory, "setup.py"), setup);
  writeFileSync(path.join(directory, "w.py"), "x = 1\n");
  execFileSync("python3", ["setup.py", "-q", "sdist", "--formats=gztar,zip,bztar"], {
    cwd: directory,
    stdio: "ignore",
  });
  for (const ending of [".tar.gz", ".zip", ".tar.bz2"]) {
    const names = ["Acme.Widget-1.0rc1", "acme_widget-1.0rc1"].map((stem) =>
      path.join(directory, "dist", stem + ending),
    );
    const identity = await pypi.read(packageFileAt(names.find((name) => existsSync(name))!));
    assert.deepEqual([identity.nameKey, identity.version], ["acme-widget", "1.0rc1"]);
    assert.equal(identity.metadata["summary"], "A widget");
    assert.deepEqual(identity.warnings, []);
  }
});

test("pip installs the wheels of these tests", { skip: noPython("pip") }, (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, "acme_widget-1.0-py3-none-any.whl");
  writeFileSync(file, wheel({ name: "acme-widget", version: "1.0", files: { "w.py": "x = 1\n" } }));
  const target = path.join(directory, "target");
  const options = ["--no-index", "--no-deps", "--no-compile", "--disable-pip-version-check", "--target", target];
  execFileSync("python3", ["-m", "pip", "install", ...options, file], { stdio: "ignore" });
  assert.equal(readFileSync(path.join(target, "w.py"), "utf8"), "x = 1\n");
});
