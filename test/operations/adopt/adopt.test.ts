import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { type Installation, onDatabases, onEachDatabase } from "../../support/databases.ts";
import { everyFormat } from "../../support/fixtures/every-format.ts";
import { npmTarball, nupkg } from "../../support/fixtures/packages.ts";
import {
  assertSound,
  counts,
  diskFeed,
  type FileEvent,
  importing,
  listed,
  writeFiles,
} from "../../support/importing.ts";
import { isBlobName } from "../../support/store-files.ts";

type Adopted = Record<"adopted" | "existing" | "conflicts" | "invalid" | "failed" | "skipped", number>;

async function adopting(place: Installation, code: number, ...args: string[]) {
  const events = (await place.exits(code, "adopt", ...args, "--json")).events();
  const { adopted, existing, conflicts, invalid, failed, skipped } = events.at(-1) as unknown as Adopted;
  const files = events.slice(0, -1) as unknown as FileEvent[];
  return { files, counts: { adopted, existing, conflicts, invalid, failed, skipped } };
}

const adoptions = (change: Partial<Adopted> = {}): Adopted => ({
  adopted: 0,
  existing: 0,
  conflicts: 0,
  invalid: 0,
  failed: 0,
  skipped: 0,
  ...change,
});

const below = (root: string) => readdirSync(root, { recursive: true, encoding: "utf8" }).filter(isBlobName).toSorted();
const tarball = (name: string, description = "") => npmTarball({ name, version: "1.0.0", manifest: { description } });

onEachDatabase("adopt", (database) => {
  database.test("catalogues the files in a store in place, and nothing new the second time", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    writeFiles(root, {
      "a/-/a-1.0.0.tgz": tarball("a"),
      "odd place/B.TGZ": tarball("b"),
      "readme.txt": "no package",
      "cut.tgz": tarball("cut").subarray(0, 60),
    });
    const time = new Date("2018-07-06T05:04:03Z");
    utimesSync(join(root, "odd place/B.TGZ"), time, time);
    const before = below(root);
    const planned = await adopting(place, 3, "web", "--dry-run");
    assert.deepEqual(planned.counts, adoptions({ adopted: 2, invalid: 2 }));
    assert.deepEqual(await listed(place, "web"), []);

    const { files, counts: found } = await adopting(place, 3, "web", "--published-from", "file");
    assert.deepEqual(found, adoptions({ adopted: 2, invalid: 2 }));
    const odd = files.find(({ name }) => name === "b");
    assert.deepEqual([odd?.status, odd?.file, odd?.key], ["adopted", "odd place/B.TGZ", "odd place/B.TGZ"]);
    assert.deepEqual(below(root), before, "nothing in the store has moved");
    const [, b] = await listed(place, "web");
    assert.equal(b?.publishedAt, time.toISOString());
    assert.deepEqual(
      await place.rows("select object from feedctl.audit_events where action = 'adopted' order by object"),
      [{ object: "a/-/a-1.0.0.tgz" }, { object: "odd place/B.TGZ" }],
    );
    assert.deepEqual((await adopting(place, 3, "web")).counts, adoptions({ existing: 2, invalid: 2 }));
    await place.run("package", "download", "web", "b@1.0.0", "--output", place.path("copy.tgz"));
    assert.deepEqual(readFileSync(place.path("copy.tgz")), tarball("b"));
  });

  database.testOnServer("an import recognises an adopted package, whatever its key", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    writeFiles(root, { "x/own.tgz": tarball("a") });
    await adopting(place, 0, "web");
    const [same = "", other = ""] = writeFiles(place.path("in"), {
      "a.tgz": tarball("a"),
      "b.tgz": tarball("a", "other bytes"),
    });
    const again = await importing(place, 0, "web", same);
    assert.deepEqual(again.counts, counts({ existing: 1 }));
    assert.equal(again.files[0]?.key, "x/own.tgz");
    assert.deepEqual((await importing(place, 3, "web", other)).counts, counts({ conflicts: 1 }));
    assert.deepEqual((await importing(place, 0, "web", other, "--overwrite", "--dry-run")).counts.overwritten, 1);
    const over = await importing(place, 0, "web", other, "--overwrite");
    assert.deepEqual([over.counts.overwritten, over.files[0]?.key], [1, "x/own.tgz"]);
    assert.deepEqual(below(root), ["x", "x/own.tgz"], "no second copy at its canonical key");
    assert.deepEqual(readFileSync(join(root, "x/own.tgz")), readFileSync(other));
    await assertSound(place, "web", 1);
    // the store's own file is not a copy that could be deleted
    await importing(place, 3, "web", join(root, "x/own.tgz"), "--move");
    assert.ok(existsSync(join(root, "x/own.tgz")));
  });

  database.testOnServer("a package whose canonical key belongs to another one is a conflict", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    writeFiles(root, { "a/-/a-1.0.0.tgz": tarball("b") });
    await adopting(place, 0, "web");
    const [file = ""] = writeFiles(place.path("in"), { "a.tgz": tarball("a") });
    const { files } = await importing(place, 3, "web", file, "--overwrite");
    assert.match(files[0]?.reason ?? "", /another package of the feed is stored at a\/-\/a-1\.0\.0\.tgz/);
    assert.deepEqual(
      (await listed(place, "web")).map(({ name }) => name),
      ["b"],
    );
    await assertSound(place, "web", 1);
  });

  database.testOnServer("two blobs of one package: the first is adopted, the other is reported", async (_t, place) => {
    const root = await diskFeed(place, "net", "nuget");
    writeFiles(root, {
      "a/A.1.0.0.nupkg": nupkg({ id: "A", version: "1.0.0" }),
      "b/a.1.0.nupkg": nupkg({ id: "a", version: "1.0" }),
    });
    for (const options of [["--dry-run"], []]) {
      const { files, counts: found } = await adopting(place, 3, "net", ...options);
      assert.deepEqual(found, adoptions({ adopted: 1, conflicts: 1 }));
      assert.match(files.find(({ status }) => status === "conflict")?.reason ?? "", /at a\/A\.1\.0\.0\.nupkg/);
    }
    assert.deepEqual((await adopting(place, 3, "net")).counts, adoptions({ existing: 1, conflicts: 1 }));
  });
});

onDatabases("adopt", ["PostgreSQL"], (database) => {
  database.test("checksums and indexes beside adopted packages are no differences", async (_t, place) => {
    const root = await diskFeed(place, "java", "maven");
    const pom = "<project><groupId>g</groupId><artifactId>a</artifactId><version>1</version></project>";
    writeFiles(root, {
      "g/a/1/a-1.pom": pom,
      "g/a/1/a-1.pom.sha1": createHash("sha1").update(pom).digest("hex"),
      "g/a/1/_remote.repositories": "",
      "g/a/maven-metadata.xml": "<metadata/>",
    });
    assert.deepEqual((await adopting(place, 0, "java")).counts, adoptions({ adopted: 1, skipped: 3 }));
    const { missingRow, companions } = (await place.run("verify", "java", "--json")).summary();
    assert.deepEqual([missingRow, companions], [0, 3]);
    assert.match((await place.run("verify", "java")).stdout, /^sound: 1 match .*; 3 companions of packages$/m);
    writeFiles(root, { "g/a/1/stray.txt": "x" });
    const stray = (await place.exits(3, "verify", "java", "--json")).summary();
    assert.partialDeepStrictEqual(stray, { missingRow: 1, companions: 3 });

    writeFiles(await diskFeed(place, "js", "npm"), { "left/package.json": "{}", "left/left-1.0.0.tgz.sha1": "0" });
    assert.deepEqual((await adopting(place, 0, "js")).counts, adoptions({ skipped: 2 }));
    assert.match((await place.run("verify", "js")).stdout, /^sound: 0 match .*; 2 companions of packages$/m);
  });

  database.test("packages of every type under their own keys", async (_t, place) => {
    for (const [type, files] of Object.entries(everyFormat)) {
      const root = await diskFeed(place, type, type);
      const odd = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`odd/${name}`, bytes]));
      writeFiles(root, odd);
      const { files: events, counts: found } = await adopting(place, 0, type);
      assert.deepEqual(found, adoptions({ adopted: Object.keys(files).length }), `${type}: ${JSON.stringify(events)}`);
      await assertSound(place, type, Object.keys(files).length);
    }
  });

  database.test(
    "a blob with a pending delete is not adopted, and the work of a killed import is finished first",
    async (_t, place) => {
      const root = await diskFeed(place, "web", "npm");
      const [file = ""] = writeFiles(place.path("in"), { "a.tgz": tarball("a") });
      await place.run("import", "web", file);
      const key = "a/-/a-1.0.0.tgz";
      await place.rows(`with gone as (delete from feedctl.packages returning 1)
      insert into feedctl.pending_deletes select s.id, '${key}', max(r.id), now()
      from feedctl.stores s, feedctl.runs r where s.role = 'current' group by s.id`);
      assert.deepEqual((await adopting(place, 0, "web")).counts, adoptions());
      assert.ok(!existsSync(join(root, key)));
    },
  );

  database.test("after a migration adopted files lie under the same keys", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    writeFiles(root, { "x/own.tgz": tarball("a") });
    await adopting(place, 0, "web");
    await place.run("migrate", "run", "web", "--to", "disk", "--path", place.path("next"));
    assert.deepEqual(readFileSync(place.path("next", "x/own.tgz")), tarball("a"));
    await assertSound(place, "web", 1);
    await place.run("package", "delete", "web", "a@1.0.0", "--yes");
    assert.ok(!existsSync(place.path("next", "x/own.tgz")));
  });

  database.test("a file that was moved within the store is a conflict: its row has another key", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    const [file = ""] = writeFiles(place.path("in"), { "a.tgz": tarball("a") });
    await place.run("import", "web", file);
    renameSync(join(root, "a/-/a-1.0.0.tgz"), join(root, "moved.tgz"));
    const { files } = await adopting(place, 3, "web");
    assert.match(files[0]?.reason ?? "", /the feed has this package at a\/-\/a-1\.0\.0\.tgz/);
  });

  database.test("feed types without package files are a usage error", async (_t, place) => {
    for (const [type, why] of [["docker", /container images/]] as const) {
      await place.run("feed", "create", type, "--type", type);
      assert.match((await place.exits(2, "adopt", type)).stderr, why);
    }
  });
});
