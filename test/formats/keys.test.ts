// Keys of every format: different identities have different keys, and equal identities equal keys. Tries all
// combinations of confusable parts: letter case, separators, trailing numbers in names, zeros, epochs.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import type { PackageType } from "../../src/formats/feed-types.ts";
import type { PackageIdentity, ReadOptions } from "../../src/formats/format.ts";
import { allFormats, loadFormat } from "../../src/formats/index.ts";
import { apkPackage } from "../support/fixtures/apk.ts";
import { chart, provenance } from "../support/fixtures/chart.ts";
import { composerPackage } from "../support/fixtures/composer.ts";
import { conanUpload } from "../support/fixtures/conan.ts";
import { condaStem, condaTarBz2, dotConda } from "../support/fixtures/conda.ts";
import { rPackage } from "../support/fixtures/cran.ts";
import { crate } from "../support/fixtures/crate.ts";
import { debPackage } from "../support/fixtures/deb.ts";
import { gemArchive } from "../support/fixtures/gem.ts";
import { pom } from "../support/fixtures/maven.ts";
import { npmTarball, nupkg } from "../support/fixtures/packages.ts";
import { pubPackage } from "../support/fixtures/pub.ts";
import { sdist, wheel } from "../support/fixtures/pypi.ts";
import { rpmPackage } from "../support/fixtures/rpm.ts";
import { upack } from "../support/fixtures/upack.ts";
import { codeExtension } from "../support/fixtures/vsix.ts";
import { packageFileAt } from "../support/package-file.ts";

interface Made {
  /** File name, with folders for formats that read the path. */
  file: string;
  bytes: string | Buffer;
  options?: ReadOptions | undefined;
}

/** All combinations of one value of each list. */
function* all<T extends Record<string, readonly unknown[]>>(choices: T): Generator<{ [K in keyof T]: T[K][number] }> {
  const [first, ...rest] = Object.entries(choices);
  if (first === undefined) return yield {} as { [K in keyof T]: T[K][number] };
  for (const value of first[1])
    for (const others of all(Object.fromEntries(rest)))
      yield { [first[0]]: value, ...others } as { [K in keyof T]: T[K][number] };
}

const semantic = ["1.0.0", "v1.0.0", "1.0.0+b", "1.0.0+B", "1.0.0-1", "1.0.0-a.1", "1.0.0-A.1", "1.0.0-a-1", "2.0.0"];
const dotted = ["1", "1.0", "1.0.0", "1.0.0.0", "01.0", "1.0-a", "1.0-A", "1.0.0+b", "1.0.1"];
const names = ["a", "A", "a-b", "a_b", "a.b", "a--b", "a-1", "a-1.0.0"];

const makers: Record<PackageType, () => Iterable<Made>> = {
  *npm() {
    const choices = { name: [...names, "@s/a", "@S/a", "@s/a-1", "@s-a/b"], version: semantic };
    for (const it of all(choices)) yield { file: "x.tgz", bytes: npmTarball(it) };
  },
  nuget: () => nugetLike([".nupkg", ".snupkg", ".symbols.nupkg"]),
  chocolatey: () => nugetLike([".nupkg"]),
  powershell: () => nugetLike([".nupkg"]),
  *universal() {
    for (const { kind, ...it } of all({
      group: [undefined, "a", "A", "a/b"],
      name: ["a", "b", "a-1", "a-1.0.0"],
      version: ["1.0.0", "1.0.0+b", "1.0.0-1", "1.0.0-A", "1.0.0-a"],
      kind: ["upack", "virtual"],
    })) {
      const contents = kind === "virtual" ? { contents: [{ source: "x:y:1.0.0", path: "z" }] } : {};
      yield { file: "x.upack", bytes: upack({ ...it, ...contents }, kind === "virtual" ? {} : undefined) };
    }
  },
  *terraform() {
    for (const it of all({ group: ["a", "A", "a-b"], name: ["a.b", "A.b", "a.B", "a-1.b"], version: semantic }))
      yield { file: `${it.name}-${it.version}.upack`, bytes: upack(it, { "main.tf": "" }) };
  },
  *debian() {
    for (const { distribution, component, source, ...it } of all({
      name: ["ab", "a-b", "ab1"],
      version: ["1.0", "1.0-0", "1:1.0", "11.0"],
      arch: ["all", "amd64"],
      distribution: ["stable", "s"],
      component: ["main", "m"],
      source: [undefined, "ab (2.0)"],
    })) {
      const bytes = debPackage({ ...it, fields: source === undefined ? {} : { Source: source } });
      yield { file: "x.deb", bytes, options: { distribution, component } };
      if (it.arch === "all") yield { file: "x.udeb", bytes, options: { distribution, component } };
    }
  },
  *rpm() {
    for (const it of all({
      name: ["a", "A", "a-1"],
      version: ["1", "1.0", "1!1"],
      release: ["1", "1.noarch"],
      arch: ["noarch", "x86_64"],
      epoch: [undefined, 0, 1, 11],
      source: [false, true],
    }))
      yield { file: "x.rpm", bytes: rpmPackage(it) };
  },
  *alpine() {
    const version = ["1", "1-r0", "1.0-r0", "01-r0", "1_a-r0", "1_alpha-r0", "1-r10"];
    for (const it of all({ name: [...names, "a-r0", "a-1-r0"], version, arch: ["noarch", "x86_64"] }))
      yield { file: "x.apk", bytes: apkPackage(it) };
  },
  *helm() {
    for (const it of all({ name: names, version: semantic })) {
      yield { file: "x.tgz", bytes: chart(it) };
      yield { file: `${it.name}-${it.version}.tgz.prov`, bytes: provenance(it) };
    }
  },
  *cargo() {
    for (const it of all({ name: names, version: semantic }))
      yield { file: `${it.name}-${it.version}.crate`, bytes: crate(it) };
  },
  *pypi() {
    for (const it of all({
      name: names,
      version: ["1", "1.0", "1.0a1", "1!1.0"],
    })) {
      const stem = it.name.replaceAll(/[-.]+/g, "_");
      for (const file of [`${stem}-${it.version}.tar.gz`, "x.tar.gz"]) yield { file, bytes: sdist(it) };
      yield { file: `${stem}-${it.version}.zip`, bytes: sdist(it, ".zip") };
      for (const build of ["", "-1", "-2"])
        yield { file: `${stem}-${it.version}${build}-py3-none-any.whl`, bytes: wheel(it) };
    }
  },
  *rubygems() {
    const version = ["1", "1.0", "1-2", "1.pre.2", "1.a", "1.A"];
    const platform = ["ruby", "java", "x86_64-linux", "2"];
    for (const it of all({ name: [...names, "a-2", "a-java"], version, platform }))
      yield { file: "x.gem", bytes: gemArchive(it) };
  },
  *conda() {
    const choices = { name: ["a", "a-b", "a-1", "a-1-0"], version: ["1", "1_0", "1!1"], build: ["0", "1_0"] };
    for (const { subdir, ...it } of all({ ...choices, subdir: ["noarch", "linux-64"] })) {
      const content = { ...it, index: { subdir } };
      yield { file: `${condaStem(content)}.conda`, bytes: dotConda(content) };
      yield { file: `${condaStem(content)}.tar.bz2`, bytes: condaTarBz2(content) };
    }
  },
  *cran() {
    for (const it of all({ name: ["ab", "Ab", "AB", "a.b", "a1"], version: ["1.0", "1-0", "1.0.0", "01.0", "1.0-0"] }))
      yield { file: "x.tar.gz", bytes: rPackage(it) };
  },
  *composer() {
    const name = ["a/b", "A/b", "a/b-c", "a-b/c", "a/b_c", "a/b.c", "a/b-1.0"];
    for (const it of all({
      name,
      version: ["1.0", "v1.0", "1.0.0", "1.0.0.0", "1.0-beta1", "1.0b1", "1.0-BETA1", "2"],
    }))
      yield { file: "x.zip", bytes: composerPackage(it) };
  },
  *pub() {
    for (const { name, version } of all({ name: ["a", "a_b", "ab", "a1"], version: semantic }))
      yield { file: "x.tar.gz", bytes: pubPackage(`name: ${name}\nversion: ${version}\n`) };
  },
  *vsix() {
    const targetPlatform = [undefined, "universal", "web", "linux-x64"];
    const choices = {
      publisher: ["a", "A", "a-b", "ab"],
      name: ["b", "B", "b-c", "b-1"],
      version: ["1.0.0", "1.0", "01.0"],
    };
    for (const it of all({ ...choices, targetPlatform })) yield { file: "x.vsix", bytes: codeExtension(it) };
  },
  *maven() {
    let folder = 0;
    for (const it of all({
      group: ["a", "A", "a.b", "a.b.c"],
      artifact: ["c", "C", "b", "c-1"],
      version: ["1", "1.0", "1-c", "1-1", "1.0-SNAPSHOT"],
    })) {
      folder++;
      const stem = `${it.artifact}-${it.version}`;
      const beside = ["pom", "jar", "sources.jar", "tar.gz"].map((end) => `${folder}/${stem}.${end}`);
      const classified = ["-c.jar", "-1.jar", "-a.tar.gz", "-a.tar.gz.asc"].map((end) => `${folder}/${stem}${end}`);
      for (const file of [...beside, ...classified])
        yield { file, bytes: file.endsWith(".pom") ? pom(it) : "some bytes" };
    }
  },
  *conan() {
    const references = all({
      name: ["ab", "a-b", "AB"],
      version: ["1.0", "1.0.0", "ab"],
      user: ["_", "u", "ab"],
      channel: ["_", "c"],
    });
    for (const { name, version, user, channel } of references) {
      const reference = `${name}/${version}/${user}/${channel}`;
      const conanfile = `    name = "${name}"\n    version = "${version}"\n`;
      for (const [file, bytes] of Object.entries(conanUpload({ reference, conanfile }).files)) yield { file, bytes };
    }
  },
};

function* nugetLike(endings: readonly string[]): Generator<Made> {
  for (const { ending, ...it } of all({ id: names, version: dotted, ending: endings }))
    yield {
      file: `${it.id}.${it.version}${ending}`,
      bytes: nupkg({ ...it, symbols: ending === ".snupkg", files: { "lib/a.dll": "" } }),
    };
}

/**
 * Formats in which one identity may have several keys: the key has the name as written, or a field that is not part of
 * the identity. Such a package is found by its identity, and keeps its key.
 */
const mayDiffer: Partial<Record<string, string>> = {
  cargo: "Cargo downloads a crate under its name as it is spelled",
  debian: "the pool's folder is called after the source package",
  pypi: "a file keeps the name that lock files have, if it agrees with the manifest",
};

/** Formats that normalise nothing in an identity. */
const asWritten = new Set(["alpine", "conan", "conda", "cran", "maven", "pub"]);

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "feedctl-keys-"));
});
after(() => rmSync(directory, { recursive: true, force: true }));

test("every format is tested here", async () => {
  const types = (await allFormats()).map(({ type }) => type);
  assert.deepEqual(Object.keys(makers).toSorted(), types.toSorted());
});

for (const [type, make] of Object.entries(makers)) {
  const once =
    mayDiffer[type] === undefined ? ", and equal ones equal keys" : ` (equal ones may not: ${mayDiffer[type]})`;
  test(`${type}: different identities have different keys${once}`, async (t) => {
    const format = await loadFormat(type);
    const keys = new Map<string, string>();
    const identities = new Map<string, string>();
    const root = join(directory, type);
    const made = [...make()];
    // formats that read neighbours need all files first
    const written = made.map((it, index) => {
      const file = join(root, format.readsNeighbours ? "" : String(index), it.file);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, it.bytes);
      return { ...it, file };
    });
    let accepted = 0;
    for (const { file, options } of written) {
      const identity = await format.read(packageFileAt(file), options).catch((error: Error & { code?: string }) => {
        assert.equal(error.code, "invalid", error.stack);
        return undefined;
      });
      if (identity === undefined) continue;
      accepted++;
      check(identity, file.slice(root.length + 1));
      const { normalizedVersion, sortKey, prerelease } = identity;
      assert.deepEqual(sortKey, format.versions.sortKey(normalizedVersion), normalizedVersion);
      assert.equal(prerelease, format.versions.isPrerelease(normalizedVersion), normalizedVersion);
    }
    rmSync(root, { recursive: true, force: true });
    t.diagnostic(`${accepted} of ${made.length} accepted, ${identities.size} identities`);
    assert.ok(identities.size >= 12, `only ${identities.size} identities`);
    assert.equal(identities.size < accepted, !asWritten.has(type), "whether some of them are equal");

    function check({ group, nameKey, normalizedVersion, qualifier, key }: PackageIdentity, file: string): void {
      const identity = JSON.stringify([group, nameKey, normalizedVersion, qualifier]);
      const owner = keys.get(key);
      assert.ok(owner === undefined || owner === identity, `${file}: ${key} is of ${owner} and of ${identity}`);
      keys.set(key, identity);
      const other = identities.get(identity);
      if (mayDiffer[type] === undefined && other !== undefined)
        assert.equal(key, other, `${file}: ${identity} has two keys`);
      identities.set(identity, key);
    }
  });
}
