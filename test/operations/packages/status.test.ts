import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { pythonSpellings } from "../../../src/catalog/migrations/0020-python-spellings.ts";
import { wheelTags } from "../../../src/catalog/migrations/0024-wheel-tags.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { chart } from "../../support/fixtures/chart.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";
import { wheel } from "../../support/fixtures/pypi.ts";
import { counts, diskFeed, importing, writeFiles } from "../../support/importing.ts";

interface Status {
  version: string;
  listed: boolean;
  allowed: boolean | null;
  deprecated: boolean;
  deprecationReason: string | null;
  cached: boolean;
  changed: boolean;
}

const versions = ["1.0.0", "1.1.0", "2.0.0", "3.0.0-rc.1"];

async function prepare(place: Installation): Promise<void> {
  await diskFeed(place, "web", "npm");
  const files = versions.map((version) => [`${version}.tgz`, npmTarball({ name: "@acme/it", version })] as const);
  writeFiles(place.path("in"), Object.fromEntries(files));
  await place.run("import", "web", place.path("in"));
}

onDatabases("status of versions", ["PostgreSQL"], (database) => {
  database.test("each status is set, shown, recorded and taken back", async (_t, place) => {
    await prepare(place);
    const status = async (...args: string[]) =>
      (await place.run("package", "status", "web", ...args, "--json")).json() as Status[];
    const usual = { listed: true, allowed: null, deprecated: false, deprecationReason: null, cached: false };
    const one = "@acme/it@1.0.0";
    for (const [options, member] of [
      [["--no-listed"], { listed: false }],
      [["--access", "blocked"], { allowed: false }],
      [["--access", "allowed"], { allowed: true }],
      [["--deprecated", "use 2"], { deprecated: true, deprecationReason: "use 2" }],
      [["--cached"], { cached: true }],
    ] as const) {
      const dry = await status(one, ...options, "--dry-run");
      assert.partialDeepStrictEqual(dry, [{ ...usual, ...member, changed: true }]);
      assert.partialDeepStrictEqual(await status(one), [{ ...usual, changed: false }]);
      assert.partialDeepStrictEqual(await status(one, ...options), [{ ...usual, ...member, changed: true }]);
      assert.partialDeepStrictEqual(await status(one, ...options), [{ changed: false }]);
      const shown = (await place.run("package", "show", "web", one, "--json")).json();
      assert.partialDeepStrictEqual(shown, [member]);
      await status(one, "--listed", "--access", "default", "--no-deprecated", "--no-cached");
      assert.partialDeepStrictEqual(await status(one), [usual]);
    }
    await place.exits(2, "package", "status", "web", "@acme/it", "--no-listed");
    for (const reason of ["", " \n", "\ud800", "x".repeat(1001)])
      await place.exits(2, "package", "status", "web", one, "--deprecated", reason);
    assert.partialDeepStrictEqual(await status(one), [usual]);
    await place.exits(4, "package", "status", "web", "@acme/it@9.0.0", "--no-listed");
    const all = await status("@acme/it", "--all-versions", "--deprecated", "gone");
    assert.deepEqual(
      all.map(({ deprecationReason, changed }) => [deprecationReason, changed]),
      versions.map(() => ["gone", true]),
    );
    const { stdout } = await place.run("package", "status", "web", one, "--no-listed");
    assert.equal(stdout, "changed acme/it 1.0.0: unlisted, deprecated (gone)\n");
    const events = await place.rows("select from feedctl.audit_events where action = 'status changed'");
    assert.equal(events.length, 15);
  });

  database.test("a blocked version is not downloaded, unless that is asked for", async (_t, place) => {
    await prepare(place);
    const download = async (code: number, spec: string, ...more: string[]) =>
      place.exits(code, "package", "download", "web", spec, "-o", place.path("out/"), "--overwrite", ...more);
    const block = (version: string) =>
      place.run("package", "status", "web", `@acme/it@${version}`, "--access", "blocked");
    mkdirSync(place.path("out"));
    await block("2.0.0");
    const { stderr } = await download(6, "@acme/it@2.0.0");
    assert.match(stderr, /acme\/it@2\.0\.0 is blocked/);
    assert.match(stderr, /hint: .*--blocked; .*package status web acme\/it@2\.0\.0 --access allowed/);
    assert.deepEqual(readdirSync(place.path("out")), []);
    await download(0, "@acme/it@2.0.0", "--blocked");
    assert.deepEqual(readdirSync(place.path("out")), ["it-2.0.0.tgz"]);
    assert.match((await download(0, "@acme/it")).stdout, /it-1\.1\.0\.tgz/, "the newest that is not blocked");
    for (const version of ["1.0.0", "1.1.0", "3.0.0-rc.1"]) await block(version);
    assert.match((await download(6, "@acme/it")).stderr, /every version of acme\/it is blocked/);
  });

  database.test("what a manifest says of its deprecation is imported", async (_t, place) => {
    const of = (name: string, deprecated: unknown) => npmTarball({ name, version: "1.0.0", manifest: { deprecated } });
    await diskFeed(place, "web", "npm");
    writeFiles(place.path("in"), {
      "a.tgz": of("a", "use that"),
      "b.tgz": of("b", true),
      "c.tgz": of("c", false),
      "d.tgz": of("d", ""),
    });
    await importing(place, 0, "web", place.path("in"));
    await diskFeed(place, "charts", "helm");
    const old = chart({ name: "old", version: "1.0.0", yaml: "deprecated: yes\n" });
    const [file = ""] = writeFiles(place.path("charts"), { "old-1.0.0.tgz": old });
    await importing(place, 0, "charts", file);
    const rows = await place.rows(`select p.name, v.deprecated, v.deprecation_reason as reason
      from feedctl.versions v join feedctl.packages p on p.id = v.package_id order by p.name collate "C"`);
    assert.deepEqual(
      rows.map(({ name, deprecated, reason }) => [name, deprecated, reason]),
      [
        ["a", true, "use that"],
        ["b", true, null],
        ["c", false, null],
        ["d", false, null],
        ["old", true, null],
      ],
    );
  });

  database.test("tags name versions of npm packages, and keep them from retention", async (_t, place) => {
    await prepare(place);
    const tags = async () =>
      ((await place.run("package", "tag", "list", "web", "@acme/it", "--json")).json() as Record<string, string>[]).map(
        ({ tag, version }) => `${tag} ${version}`,
      );
    const set = (version: string, tag: string, code = 0) =>
      place.exits(code, "package", "tag", "set", "web", `@acme/it${version}`, tag);
    assert.deepEqual(await tags(), ["latest 2.0.0"]);
    await place.run("package", "status", "web", "@acme/it@2.0.0", "--no-listed");
    assert.deepEqual(await tags(), ["latest 1.1.0"], "an unlisted release is not the newest");
    assert.match((await set("@1.0.0", "lts")).stdout, /^lts of acme\/it is 1\.0\.0$/m);
    await set("@3.0.0-rc.1", "next");
    assert.match((await set("@1.0.0", "latest")).stdout, /^latest of acme\/it is 1\.0\.0 \(it was 1\.1\.0\)$/m);
    assert.deepEqual(await tags(), ["latest 1.0.0", "lts 1.0.0", "next 3.0.0-rc.1"]);
    for (const tag of ["1.0.0", "1.x", "v2", "^1", "", "a b", "a/b"]) await set("@1.0.0", tag, 2);
    await set("", "lts", 2);
    await set("@9.0.0", "lts", 4);

    await place.run("retention", "rule", "add", "web", "--delete-package-ids", "*", "--older-than-days", "0");
    const plan = (await place.run("retention", "plan", "web", "--explain", "@acme/it@1.0.0")).stdout;
    assert.match(plan, /a tag names it/);
    await place.run("retention", "run", "web", "--yes");
    const left = (await place.run("package", "list", "web", "--json")).json() as { version: string }[];
    assert.deepEqual(
      left.map(({ version }) => version),
      ["1.0.0", "3.0.0-rc.1"],
    );
    await place.run("package", "tag", "remove", "web", "@acme/it", "latest");
    assert.deepEqual(await tags(), ["latest 1.0.0", "lts 1.0.0", "next 3.0.0-rc.1"]);
    await place.run("package", "delete", "web", "@acme/it@1.0.0", "--yes");
    assert.deepEqual(await tags(), ["latest 3.0.0-rc.1", "next 3.0.0-rc.1"]);
    await place.exits(4, "package", "tag", "remove", "web", "@acme/it", "lts");
    await diskFeed(place, "charts", "helm");
    await place.exits(2, "package", "tag", "list", "charts", "old");
  });

  database.test("files of Python versions from before are identified by one spelling", async (_t, place) => {
    await diskFeed(place, "python", "pypi");
    const name = "Acme.Widget-1.0-py3-none-any.whl";
    const [file = ""] = writeFiles(place.path("in"), { [name]: wheel({ name: "Acme.Widget", version: "1.0" }) });
    await importing(place, 0, "python", file);
    const qualifiers = async () =>
      (await place.rows("select qualifier from feedctl.files order by id")).map(({ qualifier }) => qualifier);
    const [canonical] = await qualifiers();
    await place.rows(`update feedctl.files set qualifier = 'file=${name}'`);
    await place.rows(`insert into feedctl.files (version_id, feed_id, qualifier, key, size, md5, sha1, sha256, sha512, content_type, created_at)
      select version_id, feed_id, 'file=acme_widget-1.0-py3-none-any.whl', 'other', size, md5, sha1, sha256, sha512, content_type, created_at
      from feedctl.files`);
    await place.rows(pythonSpellings);
    assert.deepEqual(await qualifiers(), [canonical, "file=acme_widget-1.0-py3-none-any.whl"]);
    assert.deepEqual((await importing(place, 0, "python", file)).counts, counts({ existing: 1 }));
    // the same for the order of tags
    const many = "acme_widget-1.0-1-cp310.cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl";
    await place.rows(`update feedctl.files set qualifier = 'file=${many}' where qualifier = '${String(canonical)}'`);
    await place.rows(wheelTags);
    assert.deepEqual(await qualifiers(), [
      "file=acme_widget-1.0-1-cp310.cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
      "file=acme_widget-1.0-py3-none-any.whl",
    ]);
  });
});
