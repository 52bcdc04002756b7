import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Db } from "../../../src/catalog/schema/core.ts";
import { checkNames } from "../../../src/operations/assets/check-names.ts";
import { openDiskStore } from "../../../src/stores/disk/store.ts";
import type { Store } from "../../../src/stores/store.ts";

const root = mkdtempSync(join(tmpdir(), "feedctl-names-"));
after(() => rmSync(root, { recursive: true }));

/** Names that are refused before the catalog is read. */
const emptyCatalog = {
  getExecutor: () => ({
    transformQuery: (node: unknown) => node,
    compileQuery: () => ({ sql: "", parameters: [] }),
    executeQuery: async () => ({ rows: [] }),
  }),
} as unknown as Db;

async function problems(store: Store, names: readonly string[]) {
  const wanted = names.map((path) => ({ path, folder: false, from: path }));
  const found = await checkNames(emptyCatalog, { feedId: 1, store, names: wanted });
  return found.map(({ path, reason }) => [path, reason] as const);
}

test("the name rules of a Windows disk are checked before anything is written", async () => {
  await using store = await openDiskStore({ type: "disk", path: root }, { platform: "win32" });
  const found = await problems(store, ["fine", "a/con.txt", "b?", "c:d", "e.", "f ", "nul"]);
  assert.deepEqual(
    found.map(([path]) => path),
    ["a/con.txt", "b?", "c:d", "e.", "f ", "nul"],
  );
});

test("on a disk that ignores case, names and folders that differ only in case conflict", async () => {
  await using disk = await openDiskStore({ type: "disk", path: root });
  const folding: Store = { ...disk, foldsCase: async () => true };
  const found = await problems(folding, ["Docs/a", "docs/b", "x", "X", "y"]);
  assert.deepEqual(found.map(([path]) => path).toSorted(), ["X", "docs"]);
  assert.match(found[0]?.[1] ?? "", /in case/);
  assert.deepEqual(await problems({ ...disk, foldsCase: async () => false }, ["x", "X"]), []);
});

test("a file and a folder of one name conflict on every store", async () => {
  await using store = await openDiskStore({ type: "disk", path: root });
  assert.deepEqual(await problems(store, ["a", "a/b", "c"]), [["a", "a folder has the same path"]]);
});
