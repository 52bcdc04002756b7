import assert from "node:assert/strict";
import { dirname } from "node:path/posix";
import { test } from "node:test";
import { importsOf, sourceFiles, type Import } from "../support/imports.ts";
import { circularImports, placeOf } from "../support/rooms.ts";

/**
 * The parts of src that each part may import, besides itself. Arrows point right only. lib must not import errors.ts.
 */
const layers: Record<string, readonly string[]> = {
  main: ["cli", "operations", "stores", "catalog", "formats", "versions", "lib", "errors"],
  cli: ["operations", "stores", "catalog", "formats", "versions", "lib", "errors"],
  operations: ["stores", "catalog", "formats", "versions", "lib", "errors"],
  stores: ["lib", "errors"],
  catalog: ["lib", "errors"],
  formats: ["versions", "lib", "errors"],
  versions: ["lib", "errors"],
  errors: ["lib"],
  lib: [],
};

/** The folder where a package may be imported; with `once`, by a single file of it. */
const homes: Record<string, { folder: string; once: boolean }> = {
  "@aws-sdk/client-s3": { folder: "stores", once: true },
  "@aws-sdk/credential-providers": { folder: "stores", once: true },
  "@smithy/core": { folder: "stores", once: true },
  "@azure/storage-blob": { folder: "stores", once: true },
  "@azure/identity": { folder: "stores", once: true },
  "@google-cloud/storage": { folder: "stores", once: true },
  "google-auth-library": { folder: "stores", once: true },
  undici: { folder: "stores", once: true },
  pg: { folder: "catalog", once: true },
  "pg-boss": { folder: "catalog", once: true },
  "pg-connection-string": { folder: "catalog", once: true },
  pgpass: { folder: "catalog", once: true },
  "@electric-sql/pglite": { folder: "catalog", once: true },
  kysely: { folder: "catalog", once: false },
  "@zip.js/zip.js": { folder: "formats", once: true },
  saxes: { folder: "formats", once: true },
  yaml: { folder: "formats", once: true },
  "smol-toml": { folder: "formats", once: true },
  "xz-decompress": { folder: "formats", once: true },
  mime: { folder: "lib", once: true },
  "file-type": { folder: "lib", once: true },
  semver: { folder: "versions", once: true },
  commander: { folder: "cli", once: false },
  typebox: { folder: "cli", once: false },
  cosmiconfig: { folder: "cli", once: true },
  "env-paths": { folder: "cli", once: true },
  ora: { folder: "cli", once: true },
  "cli-progress": { folder: "cli", once: true },
  "fast-glob": { folder: "operations", once: true },
  picomatch: { folder: "operations", once: true },
};

/** Packages of the build, not of feedctl. */
const scripts = ["src/catalog/connection/make-snapshot.ts"];

const files = sourceFiles("src");
const imports = files.flatMap(importsOf);

function layerOf(file: string): string {
  return placeOf(file).layer;
}

/** `@scope/name/deep` -> `@scope/name`; undefined for Node's own modules. */
function packageOf({ specifier }: Import): string | undefined {
  if (specifier.startsWith(".") || specifier.startsWith("node:")) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function listed(violations: readonly Import[]): string[] {
  return violations.map(({ file, line, specifier }) => `${file}:${line} imports ${specifier}`);
}

test("the scan finds the source files", () => {
  assert.ok(files.length > 50 && imports.length > files.length, `${files.length} files, ${imports.length} imports`);
});

test("imports point right only: main -> cli -> operations -> stores, catalog, formats -> versions -> lib", () => {
  const wrong = imports.filter(({ file, target }) => {
    if (target === undefined) return false;
    const [from, to] = [layerOf(file), layerOf(target)];
    return from !== to && layers[from]?.includes(to) !== true;
  });
  assert.deepEqual(listed(wrong), []);
});

test("the rooms of a layer form no circle", () => {
  assert.deepEqual(listed(circularImports(imports)), []);
});

test("outside stores/, a provider's folder is imported through its index.ts only", () => {
  const providers = files.filter((file) => /^src\/stores\/[^/]+\/store\.ts$/.test(file)).map((file) => dirname(file));
  assert.ok(providers.length >= 3, `providers: ${providers.join(", ")}`);
  const wrong = imports.filter(({ file, target = "" }) => {
    const isInside = providers.includes(dirname(target)) && !target.endsWith("/index.ts");
    return layerOf(file) !== "stores" && isInside;
  });
  assert.deepEqual(listed(wrong), []);
});

test("every package is imported only in its folder", () => {
  const wrong = imports.filter((each) => {
    const name = packageOf(each);
    if (name === undefined) return false;
    const allowed = homes[name]?.folder;
    return (
      allowed === undefined || !(layerOf(each.file) === allowed || (layerOf(each.file) === "main" && allowed === "cli"))
    );
  });
  assert.deepEqual(listed(wrong), []);
});

test("every SDK and driver is imported by exactly one file", () => {
  for (const [name, { once }] of Object.entries(homes)) {
    if (!once) continue;
    const values = imports.filter((each) => packageOf(each) === name && !each.typeOnly && !scripts.includes(each.file));
    const owners = new Set(values.map(({ file }) => file));
    assert.ok(owners.size <= 1, `${name} is imported by ${[...owners].join(" and ")}`);
  }
});
