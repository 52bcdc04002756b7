import assert from "node:assert/strict";
import { test } from "node:test";
import { findImports } from "./imports.ts";

const cases: { source: string; specifier: string; target?: string; typeOnly?: boolean }[] = [
  { source: `import { a } from "../lib/a.ts";`, specifier: "../lib/a.ts", target: "src/lib/a.ts" },
  { source: `import a, {\n  b,\n  c,\n} from "pkg";`, specifier: "pkg" },
  { source: `import type { A } from "pkg";`, specifier: "pkg", typeOnly: true },
  { source: `import { type A } from "pkg";`, specifier: "pkg" },
  { source: `import "./b.ts";`, specifier: "./b.ts", target: "src/stores/b.ts" },
  { source: `export * from "pkg";`, specifier: "pkg" },
  { source: `export type { A } from "pkg";`, specifier: "pkg", typeOnly: true },
  { source: `const { a } = await import("pkg/deep");`, specifier: "pkg/deep" },
  { source: `let a: typeof import("pkg");`, specifier: "pkg", typeOnly: true },
];
for (const { source, specifier, target, typeOnly = false } of cases) {
  test(`an import is found: ${JSON.stringify(source)}`, () => {
    assert.deepEqual(findImports("src/stores/a.ts", source), [
      { file: "src/stores/a.ts", line: 1, specifier, target, typeOnly },
    ]);
  });
}

test("an export without a module is not an import", () => {
  assert.deepEqual(
    findImports("src/a.ts", `export const a = "b";\nexport function c(d = "e") {}\nexport type F = "g";\n`),
    [],
  );
});
