// File names that are not UTF-8, as old systems and broken archives leave them: Linux allows all bytes but slash and
// NUL.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onDatabases } from "../../support/databases.ts";
import { makeDrop, scan } from "../../support/drops.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { counts, diskFeed, importing, writeFiles } from "../../support/importing.ts";

const tarball = (name: string) => npmTarball({ name, version: "1.0.0" });
const raw = (folder: string, name: string) => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")]);

/** Why this machine cannot have such names, if so: macOS and Windows refuse them. */
function refusal(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "feedctl-test-"));
  try {
    writeFileSync(raw(folder, "\xff"), "");
    const [name] = readdirSync(folder, { encoding: "buffer" });
    return name?.equals(Buffer.from([0xff])) ? undefined : "names become UTF-8 here";
  } catch (error) {
    return `no such names here: ${(error as Error).message}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const skip = refusal();

onDatabases("names that are not UTF-8", ["PostgreSQL"], (database) => {
  database.test("in a drop path are reported once and ignored, and the rest is imported", async (t, place) => {
    if (skip !== undefined) return t.skip(skip);
    const drop = await makeDrop(place, "web");
    drop.npm({ name: "good", version: "1.0.0" });
    // this name is valid UTF-8 and contains U+FFFD, the replacement character, itself
    drop.put("odd\ufffd.tgz", tarball("odd"));
    const time = new Date(Date.now() - 3_600_000);
    for (const name of ["odd\xff.tgz", "odd\xfe.tgz"]) {
      writeFileSync(raw(drop.path, name), tarball("hidden"));
      utimesSync(raw(drop.path, name), time, time);
    }
    mkdirSync(raw(drop.path, "f\xfclder"));
    writeFileSync(raw(drop.path, "f\xfclder/inner.tgz"), tarball("inner"));
    utimesSync(raw(drop.path, "f\xfclder"), time, time);

    const first = await scan(place, 3);
    assert.deepEqual(first.counts, { imported: 2, invalid: 3 });
    assert.deepEqual(
      first.files.filter((line) => line.startsWith("invalid")),
      ["f\\xfclder", "odd\\xfe.tgz", "odd\\xff.tgz"].map(
        (name) => `invalid ${name}: its name is not UTF-8 text; rename it`,
      ),
    );
    const left = readdirSync(drop.path, { encoding: "buffer" }).map((name) => name.toString("latin1"));
    assert.deepEqual(left.toSorted(), ["f\xfclder", "odd\xfe.tgz", "odd\xff.tgz"]);
    assert.deepEqual((await scan(place, 0)).counts, { waiting: 3 });
    assert.match((await place.run("drop", "status")).stdout, /INVALID {3}odd\\xff\.tgz: its name is not UTF-8 text/);

    renameSync(raw(drop.path, "odd\xff.tgz"), join(drop.path, "right.tgz"));
    assert.deepEqual((await scan(place, 0)).counts, { imported: 1, waiting: 2 });
  });

  database.test("in a folder that is imported or uploaded fail, the others do not", async (t, place) => {
    if (skip !== undefined) return t.skip(skip);
    const folder = place.path("in");
    writeFiles(folder, { "good.tgz": tarball("good"), "odd\ufffd.tgz": tarball("odd"), "inner/x.tgz": tarball("x") });
    writeFileSync(raw(folder, "odd\xff.tgz"), tarball("hidden"));
    writeFileSync(raw(folder, "note\xff.txt"), "no package");
    mkdirSync(raw(folder, "f\xff"));
    await diskFeed(place, "web", "npm");
    const reason = "its name is not UTF-8 text; rename it";
    const flat = await importing(place, 3, "web", folder);
    assert.deepEqual(flat.counts, counts({ imported: 2, failed: 1 }));
    const failed = flat.files.find(({ status }) => status === "failed");
    assert.deepEqual([failed?.file, failed?.reason], [join(folder, "odd\\xff.tgz"), reason]);
    const deep = await importing(place, 3, "web", folder, "--recursive");
    assert.deepEqual(deep.counts, counts({ imported: 1, existing: 2, failed: 2 }));
    const named = await importing(place, 3, "web", join(folder, "odd\ufffd.tg"));
    assert.equal(named.files[0]?.reason, `no such file, or ${reason}`);

    await diskFeed(place, "site", "asset");
    const uploaded = await place.exits(3, "asset", "upload", "site", `${folder}/`, "--recursive", "--json");
    assert.partialDeepStrictEqual(uploaded.events().at(-1), { stored: 3, failed: 3 });
  });
});
