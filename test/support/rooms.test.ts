import assert from "node:assert/strict";
import { test } from "node:test";
import { findImports } from "./imports.ts";
import { circularImports, placeOf } from "./rooms.ts";

const places = [
  { file: "src/main.ts", layer: "main", room: "main" },
  { file: "src/lib/key.ts", layer: "lib", room: "key.ts" },
  { file: "src/lib/archives/tar/read.ts", layer: "lib", room: "archives" },
  { file: "src/catalog/migrations/0001/a.ts", layer: "catalog", room: "migrations" },
];

for (const { file, layer, room } of places) {
  test(`${file} is in room ${room} of layer ${layer}`, () => assert.deepEqual(placeOf(file), { layer, room }));
}

function circlesOf(files: Record<string, string>): string[] {
  const imports = Object.entries(files).flatMap(([file, source]) => findImports(file, source));
  return circularImports(imports).map(({ file, specifier }) => `${file} ${specifier}`);
}

test("a circle over three rooms is found, even where one of its imports is a type's", () => {
  const files = {
    "src/operations/a/one.ts": 'import { two } from "../b/two.ts";',
    "src/operations/b/two.ts": 'import type { Three } from "../c.ts";',
    "src/operations/c.ts": 'export { one } from "./a/one.ts";',
    "src/operations/d/four.ts": 'import { one } from "../a/one.ts";',
  };
  assert.deepEqual(circlesOf(files), [
    "src/operations/a/one.ts ../b/two.ts",
    "src/operations/b/two.ts ../c.ts",
    "src/operations/c.ts ./a/one.ts",
  ]);
});

test("files of one room may import one another, and rooms of different layers form no circle", () => {
  const files = {
    "src/lib/archives/tar/read.ts": 'import { header } from "./header.ts";',
    "src/lib/archives/tar/header.ts": 'import { read } from "./read.ts";',
    "src/cli/feed.ts": 'import { run } from "../operations/feed.ts";',
    "src/operations/feed.ts": 'import { text } from "../cli/feed.ts";',
  };
  assert.deepEqual(circlesOf(files), []);
});
