import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onDatabases } from "../../support/databases.ts";
import { makeDrop, scan, type DropFolder } from "../../support/drops.ts";
import { chart, provenance } from "../../support/fixtures/chart.ts";
import { jar, pom } from "../../support/fixtures/maven.ts";

const sha1 = (bytes: string | Buffer) => createHash("sha1").update(bytes).digest("hex");
const pomOf = (artifact: string, version = "1.0") => pom({ group: "org.example", artifact, version });

/** Writes a file with its checksum file, like Maven's deployments do. */
function put(drop: DropFolder, file: string, content: string | Buffer): void {
  drop.put(file, content);
  drop.put(`${file}.sha1`, sha1(content));
}

onDatabases("drop paths and what accompanies packages", ["PostgreSQL"], (database) => {
  database.test(
    "a deployed Maven version is imported completely, and its checksums, indexes and folders are deleted",
    async (_t, place) => {
      const drop = await makeDrop(place, "m2", "maven");
      const folder = "org/example/lib/1.0";
      put(drop, `${folder}/lib-1.0.pom`, pomOf("lib"));
      put(drop, `${folder}/lib-1.0.jar`, jar("org.example:lib:1.0"));
      put(drop, `${folder}/lib-1.0-sources.jar`, jar());
      drop.put(`${folder}/lib-1.0.jar.asc`, "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n");
      drop.put(`${folder}/_remote.repositories`, "a note");
      put(drop, "org/example/lib/maven-metadata.xml", "<metadata/>");
      put(drop, "org/example/other/maven-metadata.xml", "<metadata/>");
      const { counts, files } = await scan(place, 0);
      assert.deepEqual(counts, { imported: 4 }, files.join("\n"));
      const other = ["org", "org/example", "org/example/other"];
      const kept = ["maven-metadata.xml", "maven-metadata.xml.sha1"].map((name) => `org/example/other/${name}`);
      assert.deepEqual(drop.all(), [...other, ...kept], "a folder without imported files keeps everything");
    },
  );

  database.test(
    "a file that stays keeps its checksum, and is read again when its neighbours arrive",
    async (_t, place) => {
      const drop = await makeDrop(place, "m2", "maven");
      put(drop, "a/1/lib-1.0.pom", pomOf("lib"));
      put(drop, "a/1/lib-1.0.jar", jar());
      drop.put("a/1/lib-1.0.jar.sha1", "0".repeat(40));
      put(drop, "b/early-1.0.jar", jar());
      drop.put("b/index.txt.sha1", "its package does not exist yet");
      assert.deepEqual((await scan(place, 3)).counts, { imported: 1, invalid: 2 });
      assert.deepEqual((await scan(place, 0)).counts, { waiting: 3 });
      const left = [
        "a/1/lib-1.0.jar",
        "a/1/lib-1.0.jar.sha1",
        "a/1/lib-1.0.pom",
        "a/1/lib-1.0.pom.sha1",
        "b/early-1.0.jar",
        "b/early-1.0.jar.sha1",
        "b/index.txt.sha1",
      ];
      assert.deepEqual(drop.all(), ["a", "a/1", ...left.slice(0, 4), "b", ...left.slice(4)]);
      const status = (await place.run("drop", "status", "--feed", "m2")).stdout;
      assert.match(status, /kept +a\/1\/lib-1\.0\.pom: the source was not deleted: lib-1\.0\.jar beside it/);
      const seen = await place.rows("select path, seen_at from feedctl.drop_files order by path");
      await scan(place, 0);
      assert.deepEqual(
        await place.rows("select path, seen_at from feedctl.drop_files order by path"),
        seen,
        "neither the pom nor what it is kept for is read again",
      );

      put(drop, "b/early-1.0.pom", pomOf("early"));
      put(drop, "a/1/lib-1.0.pom", pomOf("lib"));
      writeFileSync(join(drop.path, "a/1/lib-1.0.jar.sha1"), sha1(jar()));
      assert.deepEqual((await scan(place, 0, "--settle", "50ms")).counts, { imported: 3, existing: 1 });
      assert.deepEqual(drop.all(), ["b", "b/index.txt.sha1"]);

      put(drop, "c/gone-1.0.pom", pomOf("gone"));
      put(drop, "c/gone-1.0.jar", "no archive");
      assert.deepEqual((await scan(place, 3, "--settle", "50ms")).counts, { imported: 1, invalid: 1 });
      rmSync(join(drop.path, "c/gone-1.0.jar"));
      assert.deepEqual(
        (await scan(place, 0, "--settle", "50ms")).counts,
        { existing: 1 },
        "nothing needs the pom any more",
      );
      assert.ok(!drop.all().includes("c/gone-1.0.pom"));
    },
  );

  database.test("a pom stays until all files that need it were read, however many there are", async (_t, place) => {
    const drop = await makeDrop(place, "m2", "maven");
    // three files per package, so that a batch ends with a pom whose war is in the next batch
    for (let i = 0; i < 45; i++) {
      const name = `a${String(i).padStart(2, "0")}`;
      for (const end of [".jar", ".war"]) drop.put(`${name}-1.0${end}`, jar());
      drop.put(`${name}-1.0.pom`, pomOf(name));
    }
    const { counts, files } = await scan(place, 0);
    assert.deepEqual(counts, { imported: 135 }, files.filter((line) => !line.startsWith("imported")).join("\n"));
    assert.deepEqual(drop.all(), []);
    for (let i = 0; i < 45; i++) {
      drop.put(`b${i}-1.0.pom`, pomOf(`b${i}`));
      for (const end of [".jar", ".war"]) drop.put(`b${i}-1.0${end}`, jar());
    }
    const moved = await place.run("import", "m2", drop.path, "--move", "--json");
    assert.partialDeepStrictEqual(moved.events().at(-1), { imported: 135, invalid: 0, failed: 0 });
    assert.deepEqual(drop.all(), []);
  });

  database.test("a version that is still being uploaded is not imported in part", async (_t, place) => {
    const drop = await makeDrop(place, "m2", "maven");
    drop.put("v/lib-1.0.pom", pomOf("lib"));
    const late = join(drop.path, "v/lib-1.0.jar");
    writeFileSync(late, jar().subarray(0, 40));
    place.clock.onWait = () => writeFileSync(late, jar().subarray(0, 60));
    assert.deepEqual((await scan(place, 0)).counts, { unsettled: 2 });
    place.clock.onWait = undefined;
    assert.deepEqual(drop.all(), ["v", "v/lib-1.0.jar", "v/lib-1.0.pom"]);
    writeFileSync(late, jar());
    assert.deepEqual((await scan(place, 0)).counts, { imported: 2 });
  });

  database.test(
    "a chart's provenance file is deleted with it, and so is the index of a folder of charts",
    async (_t, place) => {
      const drop = await makeDrop(place, "charts", "helm");
      const content = { name: "web", version: "1.0.0" };
      drop.put("web-1.0.0.tgz", chart(content));
      drop.put("web-1.0.0.tgz.prov", provenance(content));
      drop.put("index.yaml", "apiVersion: v1\n");
      assert.deepEqual((await scan(place, 0)).counts, { imported: 2 });
      assert.deepEqual(drop.all(), []);
      drop.put("index.yaml", "apiVersion: v1\n");
      drop.put("bad.tgz", "bad");
      await scan(place, 3);
      assert.deepEqual(drop.all(), ["bad.tgz", "index.yaml"]);
    },
  );
});
