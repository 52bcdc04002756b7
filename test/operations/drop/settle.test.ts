import assert from "node:assert/strict";
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { type DropFolder, makeDrop, scan } from "../../support/drops.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { jar, pom } from "../../support/fixtures/maven.ts";

const bytes = npmTarball({ name: "slow", version: "1.0.0" });
const OLD = new Date("2020-01-01T00:00:00Z");

interface Writer {
  name: string;
  /** Writes the first half. */
  begin(path: string): void;
  /** Writes a little more. */
  go(path: string, at: number): void;
  /** Completes it. */
  end(path: string): void;
}

const upTo = (path: string, length: number) => writeFileSync(path, bytes.subarray(0, length));
const half = bytes.length >> 1;

const writers: Writer[] = [
  {
    name: "is slow",
    begin: (path) => upTo(path, half),
    go: (path, at) => upTo(path, half + at),
    end: (path) => upTo(path, bytes.length),
  },
  {
    name: "sets an old time with each piece",
    begin: (path) => keepOld(path, () => upTo(path, half)),
    go: (path, at) => keepOld(path, () => upTo(path, half + at)),
    end: (path) => keepOld(path, () => upTo(path, bytes.length)),
  },
  {
    name: "makes the file as large as it will be, and keeps its old time",
    begin: (path) => keepOld(path, () => withFile(path, (file) => ftruncateSync(file, bytes.length))),
    go: (path, at) => keepOld(path, () => withFile(path, (file) => void writeSync(file, bytes, 0, at, 0))),
    end: (path) => keepOld(path, () => withFile(path, (file) => void writeSync(file, bytes, 0, bytes.length, 0))),
  },
  {
    name: "replaces the file by a longer one each time, with the same time",
    begin: (path) => replace(path, half),
    go: (path, at) => replace(path, half + at),
    end: (path) => replace(path, bytes.length),
  },
];

function keepOld(path: string, write: () => void): void {
  write();
  utimesSync(path, OLD, OLD);
}

function withFile(path: string, write: (file: number) => void): void {
  const file = openSync(path, statSync(path, { throwIfNoEntry: false }) === undefined ? "w" : "r+");
  write(file);
  futimesSync(file, OLD, OLD);
  closeSync(file);
}

/** As a server writes that others read: nothing shows that both are the same upload. */
function replace(path: string, length: number): void {
  upTo(`${path}.part`, length);
  utimesSync(`${path}.part`, OLD, OLD);
  renameSync(`${path}.part`, path);
}

onDatabases("files that are still being written", ["PostgreSQL"], (database) => {
  for (const hoursOff of [-1, 0, 1])
    for (const writer of writers)
      database.test(`a writer that ${writer.name}, this clock ${hoursOff} hours ahead`, async (_t, place) => {
        const drop = await makeDrop(place, "web");
        const file = join(drop.path, "slow.tgz");
        place.clock.hoursOff = hoursOff;
        writer.begin(file);
        let at = 0;
        place.clock.onWait = () => writer.go(file, ++at);
        const aside = place.path("aside");
        for (let i = 0; i < 3; i++)
          assert.deepEqual((await scan(place, 0, "--reject-to", aside)).counts, { unsettled: 1 });
        assert.ok(at >= 3, "feedctl waited between its two looks");
        place.clock.onWait = undefined;
        writer.end(file);
        assert.deepEqual((await scan(place, 0, "--reject-to", aside)).counts, { imported: 1 }, "in the same scan");
        assert.deepEqual(await place.rows("select path from feedctl.drop_files"), [], "it was never invalid");
      });

  database.test("a file that was renamed in, or written long ago, has no advantage", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    const waits: number[] = [];
    place.clock.onWait = (milliseconds) => void waits.push(milliseconds);
    writeFileSync(place.path("ready.tgz"), npmTarball({ name: "ready", version: "1.0.0" }));
    utimesSync(place.path("ready.tgz"), OLD, OLD);
    renameSync(place.path("ready.tgz"), join(drop.path, "ready.tgz"));
    assert.deepEqual((await scan(place, 0, "--settle", "1h")).counts, { imported: 1 });
    assert.ok(
      waits.some((milliseconds) => milliseconds > 3_500_000),
      `waited ${waits.join()}`,
    );
  });

  database.test("one wait serves all files of a scan, and --settle 0s needs none", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    let waits = 0;
    place.clock.onWait = () => void waits++;
    for (let i = 0; i < 300; i++) drop.npm({ name: `n${i}`, version: "1.0.0" });
    assert.deepEqual((await scan(place, 0, "--settle", "10m")).counts, { imported: 300 });
    assert.ok(waits < 10, `${waits} waits`);
    drop.npm({ name: "other", version: "1.0.0" });
    waits = 0;
    assert.deepEqual((await scan(place, 0, "--settle", "0s")).counts, { imported: 1 });
    assert.equal(waits, 0);
  });

  database.test("a dry run tells complete files from others too", async (_t, place) => {
    const drop = await makeDrop(place, "web");
    drop.npm({ name: "whole", version: "1.0.0" });
    upTo(join(drop.path, "slow.tgz"), half);
    place.clock.onWait = () => upTo(join(drop.path, "slow.tgz"), half + 1);
    assert.deepEqual((await scan(place, 0, "--dry-run")).counts, { imported: 1, unsettled: 1 });
  });

  database.test(
    "a writer that stalls is taken for done, and its package imported once it goes on",
    async (_t, place) => {
      const drop = await makeDrop(place, "web");
      const file = join(drop.path, "slow.tgz");
      upTo(file, half);
      assert.deepEqual((await scan(place, 3)).counts, { invalid: 1 }, "nothing shows that it is not complete");
      upTo(file, bytes.length);
      assert.deepEqual((await scan(place, 0)).counts, { imported: 1 });
    },
  );

  database.test(
    "a rejected file that was filled in place, its size and time unchanged, is read again",
    async (_t, place) => {
      const drop = await makeDrop(place, "web");
      const file = join(drop.path, "slow.tgz");
      const [, , large] = writers as [Writer, Writer, Writer];
      large.begin(file);
      assert.deepEqual((await scan(place, 3)).counts, { invalid: 1 });
      assert.deepEqual((await scan(place, 0)).counts, { waiting: 1 });
      large.end(file);
      assert.deepEqual((await scan(place, 0)).counts, { imported: 1 });
    },
  );

  database.test("a version whose neighbour is being replaced waits as a whole", async (_t, place) => {
    const drop = await makeDrop(place, "m2", "maven");
    const put = (name: string, content: string | Uint8Array) => drop.put(`v/${name}`, content);
    put("lib-1.0.pom", pom({ group: "org.example", artifact: "lib", version: "1.0" }));
    put("lib-1.0.jar", jar());
    put("lib-1.0.jar.sha1", "half");
    place.clock.onWait = () => void put("lib-1.0.jar.sha1", "whole, with the same old time");
    assert.deepEqual((await scan(place, 0)).counts, { unsettled: 2 });
  });

  database.test("import --move follows the same rule; without --move nothing waits", async (_t, place) => {
    const folder = await inFolder(place);
    const file = join(folder.path, "slow.tgz");
    upTo(file, half);
    const whole = folder.npm({ name: "whole", version: "1.0.0" });
    place.clock.onWait = () => upTo(file, half + 1);
    const first = await place.exits(3, "import", "web", folder.path, "--move", "--json");
    assert.deepEqual(
      first
        .events()
        .flatMap(({ type, file: path, status, reason }) => (type === "file" ? [[path, status, reason]] : [])),
      [
        [file, "failed", "is still being written: it changed within 5 s"],
        [whole, "imported", null],
      ],
    );
    assert.deepEqual(readdirSync(folder.path), ["slow.tgz"]);
    place.clock.onWait = undefined;
    upTo(file, bytes.length);
    await place.run("import", "web", folder.path, "--move");
    assert.deepEqual(readdirSync(folder.path), []);
    place.clock.onWait = () => assert.fail("an import without --move does not wait");
    upTo(file, bytes.length);
    copyFileSync(file, `${file}.tgz`);
    await place.run("import", "web", folder.path);
    await place.run("import", "web", file, "--move", "--settle", "0s");
  });
});

async function inFolder(place: Installation): Promise<DropFolder> {
  const drop = await makeDrop(place, "web");
  await place.run("drop", "clear", "web");
  mkdirSync(drop.path, { recursive: true });
  return drop;
}
