import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { someBytes } from "../../support/bytes.ts";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { npmTarball, nupkg } from "../../support/fixtures/packages.ts";
import { writePackages } from "../../support/package-set.ts";

type Summary = Record<"imported" | "existing" | "conflicts" | "invalid" | "failed", number>;
interface Listed {
  group: string;
  name: string;
  version: string;
  files: { key: string; size: number; sha256: string }[];
}

async function importing(place: Installation, code: number, ...args: string[]) {
  const result = await place.exits(code, "import", ...args, "--json");
  const events = result.events();
  const { imported, existing, conflicts, invalid, failed, type } = events.at(-1) as unknown as Summary & {
    type: string;
  };
  assert.equal(type, "summary");
  return { events: events.slice(0, -1), counts: { imported, existing, conflicts, invalid, failed } };
}

const counts = (change: Partial<Summary>) => ({
  imported: 0,
  existing: 0,
  conflicts: 0,
  invalid: 0,
  failed: 0,
  ...change,
});
const list = async (place: Installation, feed: string) =>
  (await place.run("package", "list", feed, "--json")).json() as Listed[];

async function sound(place: Installation, feed: string, match: number): Promise<void> {
  const verified = (await place.run("verify", feed, "--read", "--json")).summary();
  assert.partialDeepStrictEqual(verified, { match, differ: 0, missingBlob: 0, missingRow: 0, unchecked: 0 });
}

onEachDatabase("import", (database) => {
  database.test("npm packages are imported with their rows, then exist; other bytes conflict", async (_t, place) => {
    const folder = place.path("in");
    mkdirSync(folder);
    writePackages(folder, 3);
    writeFileSync(join(folder, "scoped.tgz"), npmTarball({ name: "@Scope/it", version: "2.0.0-rc.1" }));
    await place.run("feed", "create", "web", "--type", "npm");
    assert.deepEqual((await importing(place, 0, "web", folder)).counts, counts({ imported: 4 }));
    assert.deepEqual((await importing(place, 0, "web", folder)).counts, counts({ existing: 4 }));

    const other = place.path("other");
    const [changed = ""] = writePackages(other, 1, { seed: 2 });
    const { events, counts: found } = await importing(
      place,
      3,
      "web",
      changed,
      ...writePackages(other, 2, { prefix: "new" }),
    );
    assert.deepEqual(found, counts({ imported: 2, conflicts: 1 }));
    assert.match(String(events.find((event) => event["status"] === "conflict")?.["reason"]), /other bytes/);
    const listed = await list(place, "web");
    assert.equal(listed.length, 6);
    const scoped = listed.find(({ version }) => version === "2.0.0-rc.1");
    assert.equal(scoped?.name, "it");
    assert.match(
      `${scoped?.files[0]?.sha256} ${scoped?.files[0]?.key} ${scoped?.files[0]?.size}`,
      /^[0-9a-f]{64} \S+ \d+$/,
    );
    await sound(place, "web", 6);
  });

  database.testOnServer("nuget packages, whose ids ignore case, and symbols beside them", async (_t, place) => {
    const folder = place.path("in");
    mkdirSync(folder);
    writeFileSync(join(folder, "a.nupkg"), nupkg({ id: "My.Lib", version: "1.0.0.0" }));
    writeFileSync(join(folder, "a.snupkg"), nupkg({ id: "My.Lib", version: "1.0.0", symbols: true }));
    writeFileSync(join(folder, "b.nupkg"), nupkg({ id: "My.Lib", version: "1.0.1-beta+build.5" }));
    await place.run("feed", "create", "net", "--type", "nuget");
    assert.deepEqual((await importing(place, 0, "net", folder)).counts, counts({ imported: 3 }));
    writeFileSync(place.path("c.nupkg"), nupkg({ id: "MY.LIB", version: "1.0" }));
    assert.deepEqual((await importing(place, 3, "net", place.path("c.nupkg"))).counts, counts({ conflicts: 1 }));
    const listed = await list(place, "net");
    assert.deepEqual(
      listed.map(({ name, version, files }) => [name, version, files.length]),
      [
        ["My.Lib", "1.0.0.0", 2],
        ["My.Lib", "1.0.1-beta+build.5", 1],
      ],
    );
    await sound(place, "net", 3);
  });

  database.testOnServer(
    "a bad file does not stop the others: corrupt, empty, of another kind, a link, a folder, a pattern",
    async (_t, place) => {
      const folder = place.path("in");
      const [good = ""] = writePackages(folder, 1);
      const bytes = npmTarball({ name: "cut", version: "1.0.0", files: { "data.bin": someBytes(5000) } });
      writeFileSync(join(folder, "cut.tgz"), bytes.subarray(0, bytes.length - 900));
      writeFileSync(join(folder, "empty.tgz"), "");
      writeFileSync(join(folder, "text.tgz"), "no archive at all");
      symlinkSync(good, place.path("link.tgz"));
      symlinkSync(place.path("nowhere"), place.path("dangling.tgz"));
      mkdirSync(place.path("nothing"));
      await place.run("feed", "create", "web", "--type", "npm");
      const given = [
        folder,
        place.path("link.tgz"),
        place.path("dangling.tgz"),
        place.path("absent.tgz"),
        place.path("nothing"),
      ];
      const { events, counts: found } = await importing(place, 3, "web", ...given, place.path("*.none"));
      const reasons = events.map(
        (event) => `${String(event["file"]).split("/").at(-1)}: ${String(event["reason"] ?? event["status"])}`,
      );
      assert.deepEqual(found, counts({ imported: 1, invalid: 3, failed: 4 }), reasons.join("\n"));
      for (const said of [
        /link.tgz: .*link/,
        /dangling.tgz: .*link/,
        /absent.tgz: no such file/,
        /\*\.none: .*matches no file/,
        /empty.tgz: /,
      ]) {
        assert.ok(
          reasons.some((reason) => said.test(reason)),
          `${said} in\n${reasons.join("\n")}`,
        );
      }
      await sound(place, "web", 1);
      assert.deepEqual((await importing(place, 0, "web", place.path("nothing"))).counts, counts({}));
    },
  );

  database.testOnServer("patterns, folders below folders and unicode file names are found", async (_t, place) => {
    writePackages(place.path("in"), 2);
    writePackages(place.path("in", "deep", "größe 中 😀"), 2, { prefix: "deep" });
    writeFileSync(place.path("in", "é+%40 @x.tgz"), npmTarball({ name: "odd-name", version: "1.0.0" }));
    await place.run("feed", "create", "web", "--type", "npm");
    assert.deepEqual(
      (await importing(place, 0, "web", place.path("in", "pack-*.tgz"))).counts,
      counts({ imported: 2 }),
    );
    assert.deepEqual((await importing(place, 0, "web", place.path("in"))).counts, counts({ imported: 1, existing: 2 }));
    assert.deepEqual(
      (await importing(place, 0, "web", "-r", place.path("in"))).counts,
      counts({ imported: 2, existing: 3 }),
    );
    await sound(place, "web", 5);
  });

  database.test("files deleted or changed during the import fail, the others do not", async (t, place) => {
    const folder = place.path("in");
    const files = writePackages(folder, 700, { size: 4000 }); // more than one batch
    await place.run("feed", "create", "web", "--type", "npm");
    const running = await place.start(["import", "web", folder, "--json"]);
    // after each imported file, the last of the remaining ones is deleted and another is overwritten
    let next = files.length;
    running.child.stdout?.on("data", () => {
      for (let i = 0; i < 8 && next > 2; i++) unlinkSync(files[--next]!);
      if (next > 2) copyFileSync(files[0]!, files[--next]!);
    });
    const result = await running.finished;
    const summary = result.events().at(-1) as unknown as Summary;
    t.diagnostic(JSON.stringify(summary));
    assert.equal(result.code, 3, result.stderr);
    assert.ok(summary.failed > 0);
    const failures = result.events().filter((event) => event["status"] === "failed");
    for (const { reason } of failures) assert.match(String(reason), /vanished|changed|no such file|not there/);
    const listed = await list(place, "web");
    assert.equal(listed.length, summary.imported);
    await sound(place, "web", listed.length);
  });

  database.testOnServer("two concurrent imports of the same packages store each of them once", async (_t, place) => {
    const folder = place.path("in");
    writePackages(folder, 40);
    await place.run("feed", "create", "web", "--type", "npm");
    const both = await Promise.all([
      place.feedctl(["import", "web", folder, "--json"]),
      place.feedctl(["import", "web", folder, "--json"]),
    ]);
    const total = both.map((result) => result.events().at(-1) as unknown as Summary);
    assert.equal(
      total.reduce((sum, { imported }) => sum + imported, 0),
      40,
      JSON.stringify(total),
    );
    assert.equal(
      total.reduce((sum, { existing }) => sum + existing, 0),
      40,
      "what one run was importing, the other waited for",
    );
    assert.deepEqual(
      both.map((result) => result.code),
      [0, 0],
    );
    assert.deepEqual((await importing(place, 0, "web", folder)).counts, counts({ existing: 40 }));
    await sound(place, "web", 40);
  });

  database.testOnServer("a blob that the catalog does not know is never overwritten", async (_t, place) => {
    const folder = place.path("in");
    const [file = ""] = writePackages(folder, 1);
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("store", "set", "web", "disk", "--path", place.path("store"));
    await place.run("import", "web", file);
    const key = (await list(place, "web"))[0]!.files[0]!.key;
    await place.run("package", "delete", "web", "pack-000@1.0.0", "--yes");
    mkdirSync(join(place.path("store"), key, ".."), { recursive: true });
    writeFileSync(join(place.path("store"), key), "somebody's own");
    const { events, counts: found } = await importing(place, 3, "web", file);
    assert.deepEqual(found, counts({ conflicts: 1 }));
    assert.match(String(events[0]?.["reason"]), /the store has another blob/);
    // a dead run that announced this key does not own the blob
    await place.rows(`insert into feedctl.pending_writes select s.id, '${key}', '\\x00', max(r.id), now()
      from feedctl.stores s, feedctl.runs r where s.role = 'current' group by s.id`);
    assert.deepEqual((await importing(place, 3, "web", file)).counts, counts({ conflicts: 1 }));
    const verified = (await place.exits(3, "verify", "web", "--repair", "--json")).summary();
    assert.partialDeepStrictEqual(verified, { missingRow: 1, differ: 0, missingBlob: 0 });
  });

  database.testOnServer(
    "a package whose deletion was interrupted can be imported again with other bytes",
    async (_t, place) => {
      const [first = ""] = writePackages(place.path("in"), 1);
      const [second = ""] = writePackages(place.path("other"), 1, { seed: 2 });
      await place.run("feed", "create", "web", "--type", "npm");
      await place.run("store", "set", "web", "disk", "--path", place.path("store"));
      await place.run("import", "web", first);
      const key = (await list(place, "web"))[0]!.files[0]!.key;
      // the state after a kill between the commit and the deletion of the blob
      await place.rows(`with gone as (delete from feedctl.packages returning 1)
      insert into feedctl.pending_deletes select s.id, '${key}', max(r.id), now()
      from feedctl.stores s, feedctl.runs r where s.role = 'current' group by s.id`);
      assert.deepEqual((await importing(place, 0, "web", second)).counts, counts({ imported: 1 }));
      await sound(place, "web", 1);
    },
  );
});
