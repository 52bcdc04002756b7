import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { PackageType } from "../../../src/formats/feed-types.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { everyFormat } from "../../support/fixtures/every-format.ts";
import { assertSound, counts, importing, listed, writeFiles } from "../../support/importing.ts";

const importable = Object.keys(everyFormat) as PackageType[];

async function importType(place: Installation, type: PackageType): Promise<void> {
  const files = everyFormat[type];
  const folder = place.path("in", type);
  const paths = writeFiles(folder, files);
  await place.run("feed", "create", type, "--type", type);
  const { files: events, counts: found } = await importing(place, 0, type, folder, "--recursive");
  assert.deepEqual(found, counts({ imported: paths.length }), `${type}: ${JSON.stringify(events)}`);
  for (const event of events) {
    const members = [
      "feed",
      "file",
      "group",
      "key",
      "name",
      "qualifier",
      "reason",
      "size",
      "status",
      "type",
      "version",
    ];
    assert.deepEqual(Object.keys(event).toSorted(), [...members, "warnings"]);
    assert.deepEqual(event.warnings, [], type);
  }
  assert.deepEqual((await importing(place, 0, type, folder, "-r")).counts, counts({ existing: paths.length }));

  const [version, ...others] = await listed(place, type);
  assert.equal(others.length, 0);
  assert.equal(version?.files.length, paths.length);
  const spec = `${version.group === "" ? "" : `${version.group}/`}${version.name}@${version.version}`;
  const shown = (await place.run("package", "show", type, spec, "--json")).stdout;
  assert.ok(shown.includes(version.files[0]!.sha256), `${type}: ${shown}`);
  for (const { key, sha256 } of version.files) {
    const name = basename(key);
    const same = version.files.filter((file) => basename(file.key) === name);
    if (same.length > 1) continue; // conan: the recipe's manifest and the package's
    const target = place.path(`${type}-${name}`);
    await place.run("package", "download", type, spec, "--file", name, "--output", target);
    const given = paths.filter((path) => basename(path) === name || paths.length === 1);
    assert.ok(readFileSync(given[0]!).equals(readFileSync(target)), `${type}: ${key} ${sha256}`);
  }
  await assertSound(place, type, paths.length);
}

onDatabases("import of every type", ["PostgreSQL"], (database) => {
  database.test("a package is imported, listed, shown, downloaded, and exists the second time", async (_t, place) => {
    for (const type of importable) await importType(place, type);
  });

  database.test("types without package files give a reason, and status 2", async (_t, place) => {
    const [file = ""] = writeFiles(place.path("in"), everyFormat.npm);
    for (const [type, why] of [
      ["docker", /pushed to a registry/],
      ["bower", /Git repositories/],
      ["asset", /files, not packages/],
    ] as const) {
      await place.run("feed", "create", type, "--type", type);
      const { stderr } = await place.exits(2, "import", type, file);
      assert.match(stderr, why);
    }
  });
});
