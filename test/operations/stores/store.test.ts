import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { type Installation, onEachDatabase } from "../../support/databases.ts";
import { writePackages } from "../../support/package-set.ts";

const keys = ["--access-key", "env:A", "--secret-key", "env:B"];

onEachDatabase("store set", (database) => {
  const withEnv = (name: string, body: (place: Installation) => Promise<void>) =>
    database.testOnServer(name, async (t) => {
      await using place = await database.install({ A: "a", B: "b" });
      if (place === undefined) return t.skip("no PostgreSQL on this machine");
      await body(place);
    });

  database.test(
    "moves no files, counts those left behind, records the earlier store, and can go back",
    async (_t, place) => {
      await place.run("feed", "create", "web", "--type", "npm");
      await place.run("import", "web", ...writePackages(place.path("in"), 3));
      const before = (await place.run("store", "show", "web", "--json")).json() as { location: string };
      const change = await place.run("store", "set", "web", "disk", "--path", place.path("new"), "--json");
      assert.partialDeepStrictEqual(change.json(), {
        outcome: "changed",
        leftBehind: { files: 3, packages: 3 },
        before: { location: before.location },
      });
      assert.match(change.stderr, /no file was moved: 3 files .* stay at/);
      assert.match(change.stderr, /migrate run/);
      assert.deepEqual(readdirSync(place.path("new")), [".feedctl-store"]);
      assert.partialDeepStrictEqual((await place.exits(3, "verify", "web", "--json")).summary(), {
        missingBlob: 3,
        match: 0,
      });
      const shown = (await place.run("feed", "show", "web", "--json")).json() as {
        earlierStores: { location: string }[];
      };
      assert.deepEqual(
        shown.earlierStores.map(({ location }) => location),
        [before.location],
      );
      cpSync(before.location, place.path("copy"), { recursive: true });
      for (const [target, says] of [
        [before.location, ""],
        [place.path("copy"), ", as its marker says"],
      ] as const) {
        const mirrored = await place.exits(8, "mirror", place.path("in"), target, "--yes", "--max-delete", "100%");
        const because = `holds files of feed "web", which has left it${says}; a mirror would delete them`;
        assert.ok(mirrored.stderr.includes(because), mirrored.stderr);
      }

      const back = (await place.run("store", "set", "web", "disk", "--json")).json();
      assert.partialDeepStrictEqual(back, {
        outcome: "changed",
        store: { location: before.location },
        leftBehind: { files: 0 },
      });
      assert.deepEqual(readdirSync(place.path("new")), [], "an unused directory is left as it was");
      assert.partialDeepStrictEqual((await place.run("verify", "web", "--read", "--json")).summary(), { match: 3 });
      const again = (await place.run("store", "set", "web", "disk", "--path", before.location, "--json")).json();
      assert.partialDeepStrictEqual(again, { outcome: "unchanged", leftBehind: { files: 0 } });
      const [{ count } = {}] = await place.rows("select count(*)::int as count from feedctl.stores");
      assert.equal(count, 2, "one location has one row, however often it is set again");
    },
  );

  database.testOnServer("of two feeds set to one location at the same moment, one gets it", async (_t, place) => {
    for (const name of ["one", "two"]) await place.run("feed", "create", name, "--type", "npm");
    for (let round = 0; round < 5; round++) {
      const both = await Promise.all(
        ["one", "two"].map((name) => place.any("store", "set", name, "disk", "--path", place.path(`${round}`))),
      );
      assert.deepEqual(
        both.map(({ code }) => code).toSorted((a, b) => Number(a) - Number(b)),
        [0, 5],
        both.map(({ stderr }) => stderr).join(""),
      );
    }
  });

  database.testOnServer("a URL with a password or a signature is refused and not saved", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    const said = [
      await place.exits(2, "store", "set", "web", "s3", "--bucket", "bbb", "--endpoint", "https://user:hunter2@host"),
      await place.exits(
        2,
        "store",
        "set",
        "web",
        "azure",
        "--container",
        "c",
        "--account-url",
        "https://a.blob.core.windows.net/?sig=hunter2",
      ),
    ];
    assert.ok(said.every(({ stderr }) => /must not hold credentials/.test(stderr) && !stderr.includes("hunter2")));
    assert.deepEqual(await place.rows("select from feedctl.stores where options::text like '%hunter2%'"), []);
  });

  database.testOnServer("a location that another feed uses or used is refused in every spelling", async (_t, place) => {
    for (const name of ["one", "two"]) await place.run("feed", "create", name, "--type", "npm");
    mkdirSync(place.path("real", "store"), { recursive: true });
    symlinkSync(place.path("real"), place.path("link"));
    await place.run("store", "set", "one", "disk", "--path", place.path("real", "store"));
    const spellings = [
      "real/store",
      "real/store/",
      "link/store",
      "real/x/../store",
      "real//store/.",
      "real",
      "real/store/below/it",
    ];
    for (const path of spellings) {
      const refused = await place.exits(5, "store", "set", "two", "disk", "--path", `${place.directory}/${path}`);
      assert.match(refused.stderr, /feed "two" (is|lies inside|contains) feed "one"'s store/, path);
    }
    await place.run("store", "set", "two", "disk", "--path", place.path("real", "store-2"));
    await place.run("store", "set", "one", "disk", "--path", place.path("unused"));
    await place.run("store", "set", "two", "disk", "--path", place.path("real", "store"));
    await place.run("import", "two", ...writePackages(place.path("in"), 1));
    await place.run("store", "set", "two", "disk", "--path", place.path("elsewhere"));
    const earlier = await place.exits(5, "store", "set", "one", "disk", "--path", place.path("real", "store"));
    assert.match(earlier.stderr, /earlier store/, "files of feed two may still be there");
    await place.exits(2, "store", "set", "two", "disk", "--path", "relative");
    await place.exits(2, "store", "set", "two", "disk", "--bucket", "b");
  });

  withEnv("a bucket is one place by path or by host, with or without the region in its name", async (place) => {
    for (const name of ["one", "two"]) await place.run("feed", "create", name, "--type", "npm");
    const set = (code: number, feed: string, ...more: string[]) =>
      place.exits(code, "store", "set", feed, "s3", "--no-check", ...more, ...keys);
    await set(0, "one", "--bucket", "files", "--region", "eu-west-1", "--target-path", "/a//b/");
    for (const target of ["a/b", "a/b/c", "a", "", "//a///b"]) {
      await set(5, "two", "--bucket", "files", "--region", "eu-west-1", "--target-path", target);
      await set(
        5,
        "two",
        "--bucket",
        "files",
        "--endpoint",
        "https://s3.eu-west-1.amazonaws.com",
        "--target-path",
        target,
      );
      await set(5, "two", "--bucket", "files", "--endpoint", "https://files.s3.amazonaws.com", "--target-path", target);
    }
    await set(0, "two", "--bucket", "files", "--region", "eu-west-1", "--target-path", "a/bc");
    await set(0, "one", "--bucket", "here", "--endpoint", "http://localhost:9000", "--path-style");
    await set(5, "two", "--bucket", "here", "--endpoint", "http://here.localhost:9000", "--target-path", "x");
    await set(5, "two", "--bucket", "here", "--endpoint", "http://127.0.0.1:9000/", "--target-path", "x");
    await set(2, "two", "--region", "eu-west-1");
    const half = await place.exits(
      2,
      "store",
      "set",
      "two",
      "s3",
      "--bucket",
      "bbb",
      "--region",
      "r",
      "--access-key",
      "env:A",
    );
    assert.match(half.stderr, /go together/);
  });
});
