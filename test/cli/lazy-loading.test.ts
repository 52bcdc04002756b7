import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { repository } from "../support/build.ts";
import { sandbox, type Sandbox } from "../support/feedctl.ts";

const recorder = pathToFileURL(join(import.meta.dirname, "..", "support", "record-modules.ts")).href;

/** The names of the npm packages that a command loads. */
async function packagesOf(place: Sandbox, args: readonly string[], code = 0): Promise<Set<string>> {
  const file = place.path("modules.txt");
  const options = { env: { FEEDCTL_TEST_MODULES: file }, nodeArguments: ["--import", recorder] };
  const result = await place.feedctl(args, options);
  assert.equal(result.code, code, result.stderr);
  const urls = (await readFile(file, "utf8")).split("\n");
  assert.ok(
    urls.some((url) => url.endsWith("/dist/main.js")),
    "the recorder sees feedctl's own modules",
  );
  const installed = urls.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
  const contents = JSON.parse(await readFile(join(repository, "dist", "packages.json"), "utf8")) as Contents;
  const bundled = urls.flatMap((url) => contents[url.slice(url.lastIndexOf("/dist/") + 6)] ?? []);
  return new Set([...installed, ...bundled.map((name) => name.slice(0, name.lastIndexOf("@")))]);
}

/** The packages in each file of the bundle, with their versions. */
type Contents = Record<string, string[]>;

function loadedOf(names: Set<string>, pattern: RegExp): string[] {
  return [...names].filter((name) => pattern.test(name));
}

const cloud = /^(?:@aws-sdk|@smithy|@azure)/;
const heavy =
  /^(?:@aws-sdk|@smithy|@azure|pg|kysely|@electric-sql|cosmiconfig|ora|cli-progress|fast-glob|@zip\.js|saxes|typebox|file-type|strtok3|token-types)/;

for (const args of [["--version"], ["--help"], ["feed", "--help"], ["store", "set", "--help"]]) {
  test(`feedctl ${args.join(" ")} loads no SDK and no driver`, async () => {
    await using place = await sandbox();
    const names = await packagesOf(place, args);
    assert.ok(names.has("commander"), "the recorder sees packages");
    assert.deepEqual(loadedOf(names, heavy), []);
  });
}

test("a command on a disk feed loads no cloud SDK and no driver that it does not use", async () => {
  await using place = await sandbox();
  await packagesOf(place, ["feed", "create", "internal", "--type", "npm"]);
  const names = await packagesOf(place, ["verify", "internal"]);
  assert.ok(names.has("@electric-sql/pglite") && names.has("kysely"), "verify opens the embedded catalog");
  assert.deepEqual(loadedOf(names, cloud), []);
  assert.deepEqual(loadedOf(names, /^pg$/), []);
  assert.deepEqual(loadedOf(names, /^typebox$/), []);
});

test("the detection of types by content is loaded only for names without a known extension", async () => {
  await using place = await sandbox();
  await packagesOf(place, ["feed", "create", "files", "--type", "asset"]);
  await writeFile(place.path("page.html"), "<p>");
  await writeFile(place.path("README"), "text");
  await writeFile(place.path("picture"), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
  for (const [file, loads] of [
    ["page.html", false],
    ["README", false],
    ["picture", true],
  ] as const) {
    const names = await packagesOf(place, ["asset", "upload", "files", place.path(file)]);
    assert.equal(names.has("file-type"), loads, file);
  }
});
