// Several feeds in one migration: by name, all, from a plan file, and those that a setting moves.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describeMigrations, filesBelow, keysIn, type MigrationPlace } from "../../support/migrations.ts";
import { writePackages } from "../../support/package-set.ts";

/** Feeds in their default directories, with different packages. */
async function prepareFeeds(place: MigrationPlace, names: readonly string[]): Promise<void> {
  for (const [index, name] of names.entries()) {
    await place.run("feed", "create", name, "--type", "npm");
    await place.run("import", name, ...writePackages(place.path("in", name), 3, { prefix: name, seed: index + 1 }));
  }
}

async function soundIn(place: MigrationPlace, feed: string, type: string, match = 3): Promise<void> {
  assert.partialDeepStrictEqual((await place.run("store", "show", feed, "--json")).json(), { type });
  const verified = (await place.any("verify", feed, "--read", "--json")).summary();
  assert.partialDeepStrictEqual(verified, { match, differ: 0, missingBlob: 0, missingRow: 0, unchecked: 0 });
}

describeMigrations("migrations of several feeds", { concurrency: 2 }, (test) => {
  test("by name, to paths with {feed}, {id} and {type}, or with the name appended", async (place) => {
    await prepareFeeds(place, ["one", "two", "three"]);
    const planned = await place.run(
      "migrate",
      "run",
      "--feeds",
      "one,two",
      "--to",
      ...place.toS3(),
      "--dry-run",
      "--json",
    );
    assert.partialDeepStrictEqual(planned.events().at(-1), { type: "total", feeds: 2, planned: 2, switched: 0 });
    const total = (
      await place.run("migrate", "run", "--feeds", "one, two", "--to", ...place.toS3({ path: "a" }), "--json")
    )
      .events()
      .at(-1);
    assert.partialDeepStrictEqual(total, { type: "total", feeds: 2, switched: 2, failed: 0 });
    const folders = (keys: readonly string[]) => [...new Set(keys.map((key) => key.split("/").slice(0, 2).join("/")))];
    assert.deepEqual(folders(await keysIn(place)), ["a/one", "a/two"]);
    for (const feed of ["one", "two"]) await soundIn(place, feed, "s3");
    await soundIn(place, "three", "disk");

    const named = ["--to", "disk", "--path", place.path("named", "{type}", "{id}-{feed}")];
    const { id } = (await place.run("feed", "show", "two", "--json")).json() as { id: number };
    const all = await place.run("migrate", "run", "--all", ...named);
    assert.match(all.stdout, /^3 feeds: 3 switched, 0 not done$/m);
    assert.equal(filesBelow(place.path("named", "npm", `${id}-two`)).length, 3);
    for (const feed of ["one", "two", "three"]) await soundIn(place, feed, "disk");
    const again = await place.run("migrate", "run", "--all", ...named);
    assert.match(again.stdout, /^3 feeds: 0 switched, 3 already there, 0 not done$/m);
  });

  test("a feed that cannot be migrated does not stop the others", async (place) => {
    await prepareFeeds(place, ["one", "two", "three"]);
    const [blob = ""] = filesBelow(place.path("data", "packages")).filter((path) => path.includes("two-001"));
    writeFileSync(blob, "damaged");
    const command = ["migrate", "run", "--all", "--to", ...place.toS3(), "--json"];
    const total = (await place.exits(3, ...command)).events().at(-1);
    assert.partialDeepStrictEqual(total, { switched: 2, incomplete: 1, failed: 0 });
    // of another feed that is in the middle of a migration elsewhere
    const elsewhere = await place.exits(
      3,
      "migrate",
      "run",
      "--all",
      "--to",
      "disk",
      "--path",
      place.path("other"),
      "--json",
    );
    assert.partialDeepStrictEqual(elsewhere.events().at(-1), { switched: 2, failed: 1 });
    const failed = elsewhere.events().find((event) => event["type"] === "feed-failed");
    assert.partialDeepStrictEqual(failed, { feed: "two", code: "conflict" });
    assert.match(
      (await place.exits(3, "migrate", "run", "--all", "--to", ...place.toS3())).stdout,
      /^failed +two-001/m,
    );
  });

  test("started for all, and cut over one by one", async (place) => {
    await prepareFeeds(place, ["one", "two"]);
    const command = ["migrate", "start", "--all", "--to", ...place.toS3()];
    assert.match((await place.run(...command)).stdout, /^2 feeds: 0 switched, 2 ready, 0 not done$/m);
    const open = (await place.run("migrate", "status", "--json")).json() as Record<string, unknown>[];
    assert.deepEqual(open.map(({ feed, state }) => `${String(feed)}: ${String(state)}`).toSorted(), [
      "one: ready",
      "two: ready",
    ]);
    await place.run("migrate", "cutover", "one");
    await soundIn(place, "one", "s3");
    await soundIn(place, "two", "disk");
  });

  test("a plan file in YAML or JSON, with other options for each feed", async (place) => {
    await prepareFeeds(place, ["one", "two", "three"]);
    const yaml = [
      "migrations:",
      `  - {feed: one, to: s3, bucket: ${place.bucket}, target-path: plan/one, endpoint: "${place.s3.endpoint}", path-style: true,`,
      "     access-key: env:TEST_ACCESS_KEY, secret-key: env:TEST_SECRET_KEY}",
      `  - {feed: two, to: disk, path: ${place.path("planned")}, cutover: manual}`,
      "  - {feed: nobody, to: disk}",
    ].join("\n");
    writeFileSync(place.path("plan.yaml"), yaml);
    const { stdout } = await place.exits(3, "migrate", "run", "--from-file", "plan.yaml", "--json");
    const events = stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.partialDeepStrictEqual(events.at(-1), { feeds: 3, switched: 1, ready: 1, failed: 1 });
    assert.partialDeepStrictEqual(
      events.find((event) => event["type"] === "feed-failed"),
      { feed: "nobody", code: "not-found" },
    );
    await soundIn(place, "one", "s3");
    await soundIn(place, "two", "disk");
    writeFileSync(
      place.path("plan.json"),
      JSON.stringify({ migrations: [{ feed: "three", to: "disk", path: place.path("json"), cached: "copy" }] }),
    );
    await place.run("migrate", "run", "--from-file", "plan.json");
    assert.equal(filesBelow(place.path("json")).length, 3);
  });

  test("an invalid plan file is refused as a whole, with the reason", async (place) => {
    await prepareFeeds(place, ["one"]);
    for (const [text, reason] of [
      ["", /it has no list "migrations"/],
      ["null", /it has no list "migrations"/],
      ["[]", /it has no list "migrations"/],
      ["migrations: one", /it has no list "migrations"/],
      ["migrations: [one]", /:1:14: migration 1 is not an object/],
      ["migrations:\n  - to: disk", /:2:5: migration 1 has no "feed"/],
      ["migrations: [{feed: one, to: disk}, {feed: two}]", /migration 2 has no known store type in "to"/],
      [
        "migrations:\n  - {feed: one, to: disk}\n  - {feed: ONE, to: disk}",
        /:3:6: migration 2 moves feed "ONE" again, as migration 1/,
      ],
      ["migrations: [{feed: one, to: tape}]", /no known store type/],
      ["migrations: [{feed: one, to: disk, bucket: b}]", /a disk store has no option "bucket"/],
      ["migrations: [{feed: one, to: disk, path: [a]}]", /"path" must be text/],
      ["migrations: [{feed: one, to: disk, cutover: soon}]", /"cutover" is auto or manual/],
      ["migrations: [{feed: one, to: disk, cached: keep}]", /"cached" is copy, skip or clear/],
      ["migrations: [{feed: one", /not YAML/],
    ] as const) {
      writeFileSync(place.path("plan.yaml"), text);
      const { stderr } = await place.exits(2, "migrate", "run", "--from-file", "plan.yaml");
      assert.match(stderr, reason, text);
      assert.match(stderr, /plan\.yaml/);
    }
    await place.exits(4, "migrate", "run", "--from-file", "missing.yaml");
    assert.deepEqual(await place.rows("select from feedctl.migrations"), []);
  });

  test("contradicting options are refused", async (place) => {
    await prepareFeeds(place, ["one"]);
    writeFileSync(place.path("plan.yaml"), "migrations: []");
    const disk = ["--to", "disk", "--path", place.path("other")];
    for (const [arguments_, reason] of [
      [["one", "--all", ...disk], /name one feed, or give/],
      [[...disk], /name one feed, or give/],
      [["one"], /--to is missing/],
      [["--feeds", "one", "--all", ...disk], /--feeds and --all exclude each other/],
      [["--feeds", "one,", ...disk], /--feeds needs names/],
      [["--feeds", "", ...disk], /--feeds needs names/],
      [["--feeds", "one,ONE", ...disk], /feed "one" is named twice/],
      [["--all", "--follow", "1s", ...disk], /--follow needs a single feed/],
      [["--from-file", "plan.yaml", ...disk], /--from-file cannot be used with/],
    ] as const) {
      const { stderr } = await place.exits(2, "migrate", "run", ...arguments_);
      assert.match(stderr, reason, arguments_.join(" "));
    }
    await place.exits(4, "migrate", "run", "--feeds", "one,nobody", ...disk);
    await soundIn(place, "one", "disk");
    assert.deepEqual(await place.rows("select from feedctl.migrations"), []);
  });

  test("a setting that moves default directories migrates the feeds in them, when asked to", async (place) => {
    await prepareFeeds(place, ["one", "two"]);
    await place.run("migrate", "run", "two", "--to", "disk", "--path", place.path("own"));
    const rows = () => place.rows("select f.* from feedctl.files f order by id");
    const before = (await rows()).map(({ key, sha256 }) => [key, sha256]);
    await place.run("settings", "set", "Storage.PackagesRootPath", place.path("new-root"), "--migrate");
    assert.deepEqual(
      (await rows()).map(({ key, sha256 }) => [key, sha256]),
      before,
    );
    assert.equal(filesBelow(place.path("new-root")).length, 3);
    for (const feed of ["one", "two"]) await soundIn(place, feed, "disk");
    const { store } = (await place.run("feed", "show", "one", "--json")).json() as { store: Record<string, unknown> };
    assert.deepEqual(store["options"], {}, "it follows the setting again");
  });
});
