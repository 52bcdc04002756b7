import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { onDatabases } from "../../support/databases.ts";
import { crate } from "../../support/fixtures/crate.ts";
import { debPackage } from "../../support/fixtures/deb.ts";
import { jar, pom } from "../../support/fixtures/maven.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { sdist } from "../../support/fixtures/pypi.ts";
import { tarArchive } from "../../support/fixtures/tar.ts";
import { counts, diskFeed, importing, listed, writeFiles } from "../../support/importing.ts";

const coordinates = { group: "g", artifact: "a", version: "1" };

onDatabases("files that need one another", ["PostgreSQL"], (database) => {
  database.test(
    "a pom stays while a file beside it is refused; a later file finds its version in the feed",
    async (_t, place) => {
      await diskFeed(place, "m", "maven");
      const folder = place.path("in");
      writeFiles(folder, {
        "a-1.pom": pom(coordinates),
        "a-1.jar": jar(),
        "a-1-sources.jar": jar().subarray(0, -30),
        "b-1.pom": pom({ ...coordinates, artifact: "b" }),
      });
      const first = await importing(place, 3, "m", folder, "--move", "--settle", "0s");
      assert.deepEqual(first.counts, counts({ imported: 3, invalid: 1 }));
      assert.deepEqual(readdirSync(folder).toSorted(), ["a-1-sources.jar", "a-1.pom"]);
      const kept = first.files.find(({ file }) => file.endsWith("a-1.pom"));
      assert.match(kept?.warnings.join() ?? "", /not deleted: a-1-sources\.jar beside it, which could not be imported/);

      writeFiles(folder, { "a-1-sources.jar": jar() });
      const second = await importing(place, 0, "m", folder, "--move", "--settle", "0s");
      assert.deepEqual(second.counts, counts({ imported: 1, existing: 1 }));
      assert.deepEqual(readdirSync(folder), []);

      const sum = createHash("sha1").update("signature").digest("hex");
      writeFiles(folder, { "a-1.jar.asc": "signature", "a-1.jar.asc.sha1": sum, "c-1.jar.asc": "signature" });
      const later = await importing(place, 3, "m", folder);
      assert.deepEqual(later.counts, counts({ imported: 1, invalid: 1 }));
      assert.deepEqual(
        (await listed(place, "m")).map(({ group, name, version, files }) => [group, name, version, files.length]),
        [
          ["g", "a", "1", 4],
          ["g", "b", "1", 1],
        ],
      );

      writeFiles(folder, { "h/a-1.pom": pom({ ...coordinates, group: "h" }) });
      await importing(place, 0, "m", place.path("in", "h"));
      rmSync(folder, { recursive: true });
      writeFiles(folder, { "a-1-javadoc.jar": jar(), "h/a/1/a-1-tests.jar": jar() });
      const twice = await importing(place, 3, "m", folder, "--recursive");
      assert.deepEqual(twice.counts, counts({ imported: 1, invalid: 1 }));
      assert.match(
        twice.files.find(({ status }) => status === "invalid")?.reason ?? "",
        /no pom beside it .* the feed has (?:g:a:1 and h:a:1|h:a:1 and g:a:1)/,
      );
    },
  );

  database.test(
    "with --map a package that is refused by its name is invalid; without a name the manifest decides",
    async (_t, place) => {
      for (const [feed, type] of [
        ["c", "cargo"],
        ["p", "pypi"],
      ] as const)
        await diskFeed(place, feed, type);
      const folder = place.path("in");
      writeFiles(folder, {
        "foo-1.0.0 (1).bin": crate({ name: "foo", version: "1.0.0" }),
        "j-1.0.tar (1).gz": sdist({ name: "j", version: "1.0" }),
        "n-1.0.0.bin": npmTarball({ name: "n", version: "1.0.0" }),
        "data.gz": gzipSync(tarArchive([{ name: "x", body: "y" }])),
        "notes.txt": "nothing",
        download: crate({ name: "bar", version: "1.0.0" }),
      });
      const { files, counts: found } = await importing(place, 3, "--map", "cargo=c,pypi=p", "--", folder);
      assert.deepEqual(found, counts({ imported: 1, invalid: 2, skipped: 2 }), JSON.stringify(files));
      const reasons = files
        .filter(({ status }) => status === "invalid")
        .map(({ reason }) => reason)
        .join("\n");
      assert.match(
        reasons,
        /foo-1\.0\.0 \(1\)\.bin is not a valid crate: the file is called .* it is foo-1\.0\.0\.crate/,
      );
      assert.match(
        reasons,
        /j-1\.0\.tar \(1\)\.gz is not a valid Python package: .* by its PKG-INFO it is j-1\.0\.tar\.gz/,
      );
    },
  );

  database.test(
    "adopt: options win over keys, the canonical key over other names, the right name over copies",
    async (_t, place) => {
      const debs = await diskFeed(place, "d", "debian");
      const deb = debPackage({ name: "openssl", version: "1" });
      writeFiles(debs, {
        "pool/updates/main/o/openssl/openssl_1_all.deb": deb,
        "pool/o/openssl_1_all (copy).deb": deb,
      });
      const adopted = (
        await place.exits(3, "adopt", "d", "--distribution", "bookworm", "--component", "contrib", "--json")
      ).events();
      assert.deepEqual(
        adopted.slice(0, -1).map(({ status, key, qualifier }) => [status, key, qualifier]),
        [
          [
            "adopted",
            "pool/updates/main/o/openssl/openssl_1_all.deb",
            "arch=all&component=contrib&distribution=bookworm",
          ],
          ["conflict", "pool/o/openssl_1_all (copy).deb", "arch=all&component=contrib&distribution=bookworm"],
        ],
      );
      const npm = await diskFeed(place, "n", "npm");
      const bytes = npmTarball({ name: "left", version: "1.0.0" });
      writeFiles(npm, {
        "a/left-1.0.0.tgz": bytes,
        "copy of left.tgz": bytes,
        "left/-/left-1.0.0.tgz": bytes,
        "left/-/.left": bytes,
      });
      const events = (await place.exits(3, "adopt", "n", "--json")).events();
      assert.deepEqual(
        events.filter(({ status }) => status === "adopted").map(({ key }) => key),
        ["left/-/left-1.0.0.tgz"],
      );
      assert.partialDeepStrictEqual(events.at(-1), { adopted: 1, conflicts: 3 });
    },
  );
});
