// Node runs what it finds in its compile cache, whoever wrote it: the cache must lie where only this user can write.
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { sandbox, type Sandbox } from "../support/feedctl.ts";

const NOBODY = 65534;
const skip = process.platform === "win32" && "Windows has no permission bits";

function cacheOf(place: Sandbox): string {
  const home = process.platform === "darwin" ? place.path("Library", "Caches") : place.path(".cache");
  return join(home, "feedctl", "compiled");
}

/** Runs a command with a temporary directory of its own, and checks that no cache appears there. */
async function start(place: Sandbox): Promise<void> {
  const shared = place.path("tmp");
  mkdirSync(shared, { recursive: true });
  const result = await place.feedctl(["store", "types"], { env: { TMPDIR: shared, NODE_COMPILE_CACHE: undefined } });
  assert.equal(result.code, 0, result.stderr);
  assert.deepEqual(readdirSync(shared), []);
}

test("the compile cache is a directory that only its user may enter", { skip }, async () => {
  await using place = await sandbox();
  await start(place);
  const cache = cacheOf(place);
  assert.equal(lstatSync(cache).mode & 0o777, 0o700);
  assert.notDeepEqual(readdirSync(cache), [], "Node uses it");
});

const spoiled: { name: string; root?: true; spoil(cache: string): void }[] = [
  { name: "that others may write", spoil: (cache) => chmodSync(cache, 0o777) },
  { name: "that others may enter", spoil: (cache) => chmodSync(cache, 0o750) },
  { name: "that others can replace", spoil: (cache) => chmodSync(dirname(cache), 0o777) },
  { name: "of another user", root: true, spoil: (cache) => chownSync(cache, NOBODY, NOBODY) },
  { name: "whose parent another user owns", root: true, spoil: (cache) => chownSync(dirname(cache), NOBODY, NOBODY) },
];

for (const { name, root, spoil } of spoiled) {
  test(`a directory ${name} is not used as the compile cache`, { skip }, async (t) => {
    if (root && process.getuid?.() !== 0) return t.skip("only root can give a directory to another user");
    await using place = await sandbox();
    const cache = cacheOf(place);
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    spoil(cache);
    await start(place);
    assert.deepEqual(readdirSync(cache), []);
  });
}

test("a symbolic link is not followed to a compile cache", { skip }, async () => {
  await using place = await sandbox();
  const cache = cacheOf(place);
  const elsewhere = place.path("elsewhere");
  mkdirSync(elsewhere, { mode: 0o700 });
  mkdirSync(dirname(cache), { recursive: true });
  symlinkSync(elsewhere, cache);
  await start(place);
  assert.deepEqual(readdirSync(elsewhere), []);
});

test("feedctl starts without a cache where no home can be written", { skip }, async () => {
  await using place = await sandbox();
  const env = { HOME: "/dev/null/nobody", XDG_CACHE_HOME: undefined, NODE_COMPILE_CACHE: undefined };
  const result = await place.feedctl(["store", "types"], { env });
  assert.equal(result.code, 0, result.stderr);
  assert.ok(!existsSync(place.path(".cache")));
});
