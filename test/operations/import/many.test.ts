import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onEachDatabase } from "../../support/databases.ts";
import { npmTarball, nupkg } from "../../support/fixtures/packages.ts";
import { writePackages } from "../../support/package-set.ts";

// More files than are read without threads, and more than one batch.
const COUNT = 600;

onEachDatabase("imports of many files", (database) => {
  database.testOnServer("are reported by name, with duplicates from other batches", async (_t, place) => {
    const folder = place.path("in");
    const files = writePackages(folder, COUNT, { size: 300 });
    // names that sort last, so that other batches come between them and the first file of their identity
    copyFileSync(files[0]!, join(folder, "zz-same.tgz"));
    writeFileSync(join(folder, "zz-other.tgz"), npmTarball({ name: "twin", version: "1.0.0" }));
    writeFileSync(join(folder, "aa-other.tgz"), npmTarball({ name: "twin", version: "1.0.0", files: { "a.js": "1" } }));
    writeFileSync(join(folder, "bad.tgz"), "no package");
    await place.run("feed", "create", "web", "--type", "npm");
    const result = await place.exits(3, "import", "web", folder, "--json");
    const events = result.events();
    const of = (name: string) => events.find(({ file }) => String(file).endsWith(name));
    assert.partialDeepStrictEqual(events.at(-1), {
      imported: COUNT + 1,
      existing: 1,
      conflicts: 1,
      invalid: 1,
      failed: 0,
    });
    assert.equal(of("zz-same.tgz")?.["status"], "existing");
    assert.equal(of("aa-other.tgz")?.["status"], "imported");
    assert.equal(of("zz-other.tgz")?.["status"], "conflict");
    assert.match(String(of("bad.tgz")?.["reason"]), /bad\.tgz is not a valid npm package: it is not gzip data/);
    const imported = events.filter(({ status }) => status === "imported").map(({ file }) => String(file));
    assert.deepEqual(imported, imported.toSorted());
    const verified = (await place.run("verify", "web", "--read", "--json")).summary();
    assert.partialDeepStrictEqual(verified, { match: COUNT + 1, missingBlob: 0, missingRow: 0, differ: 0 });
    // without --json: the first files, all problems, and the number of files left out
    const shown = await place.exits(3, "import", "web", folder);
    const lines = shown.stdout.trimEnd().split("\n");
    assert.equal(lines.filter((line) => line.startsWith("existing  ")).length, 202);
    assert.equal(lines.filter((line) => /^(?:CONFLICT|INVALID) /.test(line)).length, 2);
    assert.match(shown.stderr, /\(and 400 more; --verbose lists them all\)/);
    const again = (await place.exits(3, "import", "web", folder, "--json")).events();
    assert.partialDeepStrictEqual(again.at(-1), { imported: 0, existing: COUNT + 2, conflicts: 1, invalid: 1 });
  });

  database.testOnServer("are sorted by their contents, and files without a feed are skipped", async (_t, place) => {
    const folder = place.path("in");
    writePackages(folder, 60, { size: 300 });
    for (let i = 0; i < 40; i++)
      writeFileSync(join(folder, `n${i}.nupkg`), nupkg({ id: `Pack.${i}`, version: "1.0.0" }));
    writeFileSync(join(folder, "c.gem"), "no gem");
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("feed", "create", "net", "--type", "nuget");
    const args = ["import", folder, "--detect", "--map", "npm=web", "--map", "nuget=net", "--json"];
    const events = (await place.any(...args)).events();
    assert.partialDeepStrictEqual(events.at(-1), { imported: 100, conflicts: 0, failed: 0 });
    const feeds = events.filter(({ status }) => status === "imported").map(({ feed }) => feed);
    assert.equal(feeds.filter((feed) => feed === "net").length, 40);
  });

  database.testOnServer("end soon when interrupted, and continue where they stopped", async (_t, place) => {
    const folder = place.path("in");
    mkdirSync(folder);
    writePackages(folder, 2_000, { size: 300 });
    await place.run("feed", "create", "web", "--type", "npm");
    const running = await place.start(["import", "web", folder, "--json"]);
    await running.shows('"imported"');
    running.child.kill("SIGINT");
    const result = await running.finished;
    assert.equal(result.code, 130, result.stderr);
    const events = (await place.run("import", "web", folder, "--json")).events();
    const { imported, existing } = events.at(-1) as { imported: number; existing: number };
    assert.equal(imported + existing, 2_000);
    assert.ok(existing > 0 && imported > 0, `${existing} before the interruption, ${imported} after it`);
    const verified = (await place.run("verify", "web", "--json")).summary();
    assert.partialDeepStrictEqual(verified, { match: 2_000, missingBlob: 0, missingRow: 0 });
  });
});
