import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Installation, onDatabases, onEachDatabase } from "../../support/databases.ts";
import { npmTarball, nupkg } from "../../support/fixtures/packages.ts";
import { assertSound, counts, diskFeed, importing, type Listed, listed, reportOf } from "../../support/importing.ts";
import { holdRows } from "../../support/hold-rows.ts";
import { writePackages } from "../../support/package-set.ts";
import { until } from "../../support/wait.ts";

/** Version 1.0.0 of a package; the description makes its bytes different. */
function writeOne(place: Installation, description: string): string {
  const folder = place.path(description);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "a-1.0.0.tgz");
  writeFileSync(file, npmTarball({ name: "a", version: "1.0.0", manifest: { description } }));
  return file;
}

const sha = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest("hex");

function assertDescribes(row: Listed | undefined, file: string): void {
  const bytes = readFileSync(file);
  const { size, md5, sha1, sha256, sha512 } = row!.files[0]!;
  assert.deepEqual(
    { size, md5, sha1, sha256, sha512 },
    {
      size: bytes.length,
      md5: sha("md5", bytes),
      sha1: sha("sha1", bytes),
      sha256: sha("sha256", bytes),
      sha512: sha("sha512", bytes),
    },
  );
}

onEachDatabase("import --overwrite", (database) => {
  database.test("replaces hashes, size, metadata and publish date; keeps downloads and flags", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    const [old, fresh] = [writeOne(place, "old"), writeOne(place, "a newer one")];
    await place.run("import", "web", old);
    const [before] = await listed(place, "web");
    await place.rows(`update feedctl.versions set downloads = 42, listed = false, deprecated = true,
      published_at = '2020-01-01', published_by = 'somebody else'`);
    assert.deepEqual((await importing(place, 3, "web", fresh)).counts, counts({ conflicts: 1 }));
    assert.equal((await listed(place, "web"))[0]?.publishedBy, "somebody else");

    const planned = await importing(place, 0, "web", fresh, "--overwrite", "--dry-run");
    assert.deepEqual(planned.counts, counts({ imported: 1, overwritten: 1 }));
    assertDescribes((await listed(place, "web"))[0], old);

    const report = await importing(place, 0, "web", fresh, "--overwrite");
    assert.deepEqual(report.counts, counts({ imported: 1, overwritten: 1 }));
    assert.equal(report.files[0]?.status, "overwritten");
    const [after] = await listed(place, "web");
    assertDescribes(after, fresh);
    assert.deepEqual(await place.rows(`select metadata->>'description' as text from feedctl.versions`), [
      { text: "a newer one" },
    ]);
    assert.partialDeepStrictEqual(after, { downloads: 42, listed: false, publishedBy: before?.publishedBy });
    assert.ok(Date.parse(after!.publishedAt) > Date.parse("2026-01-01"));
    assert.deepEqual(readFileSync(join(root, after!.files[0]!.key)), readFileSync(fresh));
    assert.deepEqual(
      await place.rows(`select action, object from feedctl.audit_events
      where action not in ('feed created', 'store set') order by id`),
      [
        { action: "imported", object: "a/-/a-1.0.0.tgz" },
        { action: "overwritten", object: "a/-/a-1.0.0.tgz" },
      ],
    );
    assert.deepEqual(await place.rows(`select deprecated from feedctl.versions`), [{ deprecated: true }]);
    assert.deepEqual((await importing(place, 0, "web", fresh, "--overwrite")).counts, counts({ existing: 1 }));
    await assertSound(place, "web", 1);
  });

  database.testOnServer(
    "with the files' own dates, and symbols that do not speak for the version",
    async (_t, place) => {
      await diskFeed(place, "net", "nuget");
      const write = (name: string, bytes: Buffer) => {
        writeFileSync(place.path(name), bytes);
        return place.path(name);
      };
      const id = { id: "Lib", version: "1.0.0" };
      const main = write("a.nupkg", nupkg({ ...id, metadata: "<tags>first</tags>" }));
      await place.run("import", "net", main, write("a.snupkg", nupkg({ ...id, symbols: true })));
      const symbols = write("b.snupkg", nupkg({ ...id, symbols: true, metadata: "<tags>symbols</tags>" }));
      utimesSync(symbols, new Date("2021-02-03T04:05:06Z"), new Date("2021-02-03T04:05:06Z"));
      await place.run("import", "net", symbols, "--overwrite", "--published-from", "file");
      const [version] = await listed(place, "net");
      assert.match(JSON.stringify(await place.rows("select metadata from feedctl.versions")), /first/);
      assert.equal(version?.publishedAt, "2021-02-03T04:05:06.000Z");
      await assertSound(place, "net", 2);
    },
  );

  database.testOnServer("one file of a run never replaces another, in whatever batch it comes", async (_t, place) => {
    await diskFeed(place, "web", "npm");
    const first = writeOne(place, "0");
    const between = writePackages(place.path("1"), 130, { size: 10 });
    const last = writeOne(place, "2");
    for (const how of ["--dry-run", "--recursive"]) {
      const { files, counts: found } = await importing(place, 3, "web", first, ...between, last, "--overwrite", how);
      assert.deepEqual(found, counts({ imported: 131, conflicts: 1 }));
      const refused = files.find(({ status }) => status === "conflict");
      assert.equal(refused?.file, last);
      assert.match(refused?.reason ?? "", /another file of this run/);
    }
    assertDescribes(
      (await listed(place, "web")).find(({ name }) => name === "a"),
      first,
    );
  });

  database.testOnServer("two concurrent ones leave one of both, with its row", async (_t, place) => {
    await diskFeed(place, "web", "npm");
    const sets = [1, 2, 3].map((seed) => writePackages(place.path(`set${seed}`), 30, { seed, size: 20_000 }));
    await place.run("import", "web", ...sets[0]!);
    const both = await Promise.all(
      sets.slice(1).map((files) => place.feedctl(["import", "web", ...files, "--overwrite", "--json"])),
    );
    for (const { code, stderr, events } of both) {
      assert.equal(code, 0, stderr);
      assert.deepEqual(reportOf(events()).counts, counts({ imported: 30, overwritten: 30 }));
    }
    const rows = await listed(place, "web");
    const possible = new Set(
      sets
        .slice(1)
        .flat()
        .map((file) => sha("sha256", readFileSync(file))),
    );
    assert.equal(rows.filter(({ files }) => possible.has(files[0]!.sha256)).length, 30);
    await assertSound(place, "web", 30);
  });
});

onDatabases("import --overwrite", ["PostgreSQL"], (database) => {
  database.test("of a package that is deleted meanwhile fails, and leaves no blob behind", async (_t, place) => {
    await diskFeed(place, "web", "npm");
    const [old, fresh] = [writeOne(place, "old"), writeOne(place, "a newer one")];
    await place.run("import", "web", old);
    // both commands wait for the feed's rows, and get them in the order in which they came
    await using held = await holdRows(place);
    const deleting = await place.start(["package", "delete", "web", "a@1.0.0", "--yes"]);
    await until("the deletion waits", () => held.isAwaitedBy(1), deleting);
    const overwriting = await place.start(["import", "web", fresh, "--overwrite", "--json"]);
    await until("the import waits", () => held.isAwaitedBy(2), overwriting);
    await held.release();
    const [deleted, imported] = await Promise.all([deleting.finished, overwriting.finished]);
    assert.equal(deleted.code, 0, deleted.stderr);
    assert.equal(imported.code, 3, imported.stdout + imported.stderr);
    assert.match(imported.stdout, /the package was deleted while its file was stored/);
    await place.run("verify", "web", "--repair");
    await assertSound(place, "web", 0);
    assert.deepEqual((await importing(place, 0, "web", fresh)).counts, counts({ imported: 1 }));
  });
});
