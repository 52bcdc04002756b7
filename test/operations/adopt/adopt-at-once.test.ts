// Several processes work on one feed, one of them adopts: no row without its blob, and no package twice.
import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { assertSound, diskFeed, listed, writeFiles } from "../../support/importing.ts";
import { writePackages } from "../../support/package-set.ts";
import { until } from "../../support/wait.ts";

const count = 150;

type Counts = Record<"adopted" | "existing" | "conflicts" | "invalid" | "failed" | "skipped" | "imported", number>;

/** Runs commands in parallel, each in its own process. Returns their summaries. */
async function atOnce(place: Installation, ...commands: string[][]): Promise<Counts[]> {
  const results = await Promise.all(commands.map((command) => place.feedctl([...command, "--json"])));
  return results.map(({ code, stdout, stderr, events }, index) => {
    assert.equal(code, 0, `${commands[index]!.join(" ")}: ${stdout}${stderr}`);
    return events().at(-1) as unknown as Counts;
  });
}

onDatabases("adopt beside others", ["PostgreSQL"], (database) => {
  database.test("two adoptions of one feed share the work, and neither fails", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    writePackages(root, count);
    const both = await atOnce(place, ["adopt", "web"], ["adopt", "web"]);
    assert.equal(both[0]!.adopted + both[1]!.adopted, count);
    for (const { adopted, existing } of both) assert.equal(adopted + existing, count);
    assert.equal((await listed(place, "web")).length, count);
    await assertSound(place, "web", count);
  });

  database.test("two adoptions of one asset directory do so too", async (_t, place) => {
    const root = await diskFeed(place, "site", "asset");
    for (const folder of ["a", "a/b", "c"]) writePackages(`${root}/${folder}`, count / 3);
    const both = await atOnce(place, ["adopt", "site"], ["adopt", "site"]);
    assert.equal(both[0]!.adopted + both[1]!.adopted, count);
    for (const { adopted, existing } of both) assert.equal(adopted + existing, count);
    await assertSound(place, "site", count);
  });

  database.test("an import of the same packages at the same time records none of them twice", async (_t, place) => {
    const root = await diskFeed(place, "web", "npm");
    // in npm's layout, so that both use the same keys
    const folder = (index: number) => `${root}/pack-${String(index).padStart(3, "0")}/-`;
    const made = writePackages(place.path("made"), count);
    const copies = writePackages(place.path("in"), count);
    for (const [index, file] of made.entries()) {
      mkdirSync(folder(index), { recursive: true });
      renameSync(file, `${folder(index)}/${file.split("/").at(-1)}`);
    }
    const [adopting, importing] = await atOnce(place, ["adopt", "web"], ["import", "web", place.path("in")]);
    assert.equal(copies.length, count);
    assert.equal(adopting!.adopted + importing!.imported, count);
    assert.equal(importing!.imported + importing!.existing, count);
    assert.equal((await listed(place, "web")).length, count);
    await assertSound(place, "web", count);
  });

  database.test("a file that an upload replaces while it is read keeps the upload's row", async (_t, place) => {
    const root = await diskFeed(place, "site", "asset");
    writePackages(`${root}/a`, count);
    writePackages(place.path("new/a"), count, { seed: 2 });
    const commands = [
      ["adopt", "site"],
      ["asset", "upload", "site", place.path("new/a"), "--recursive", "--overwrite"],
    ];
    const results = await Promise.all(commands.map((command) => place.feedctl([...command, "--json"])));
    for (const { code, stdout, stderr } of results) assert.ok(code === 0 || code === 3, stdout + stderr);
    const verified = (await place.run("verify", "site", "--read", "--json")).summary() as Record<string, number>;
    assert.partialDeepStrictEqual(verified, { match: count, differ: 0, missingBlob: 0, missingRow: 0 });
  });

  database.test("a blob that vanishes or changes while others are read gets no row", async (_t, place) => {
    const root = await diskFeed(place, "site", "asset");
    writeFiles(root, { changes: "first", stays: "stays", vanishes: "vanishes", large: "" });
    // reading it takes most of a second
    truncateSync(`${root}/large`, 150_000_000);
    const running = await place.start(["adopt", "site", "--json"]);
    const begun = async () => (await place.rows("select 1 from feedctl.runs where command = 'adopt'")).length > 0;
    await until("the adoption has begun", begun, running);
    await sleep(200);
    rmSync(`${root}/vanishes`);
    writeFileSync(`${root}/changes`, "other bytes");
    const { code, stdout, stderr } = await running.finished;
    // on a slow machine both files may be deleted before they are listed
    assert.ok(code === 3 || code === 0, stdout + stderr);
    const verified = (await place.any("verify", "site", "--read", "--json")).summary() as Record<string, number>;
    assert.partialDeepStrictEqual(verified, { differ: 0, missingBlob: 0 });
    assert.ok(verified["match"]! >= 2);
  });
});
