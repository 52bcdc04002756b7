import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { after, before, type TestContext } from "node:test";
import { dirname } from "node:path";
import { type AssetStores, assetStores, type Kind, listed, proven } from "../../support/asset-stores.ts";
import { expectExit, type Installation, onDatabases } from "../../support/databases.ts";
import { attempts, firstSeed } from "../../support/effort.ts";
import { duration, killAfter, killPoints } from "../../support/kill.ts";
import { isBlobName } from "../../support/store-files.ts";
import { holdLock } from "../../support/hold-lock.ts";

let stores: AssetStores;
before(async () => {
  stores = await assetStores();
});
after(() => stores[Symbol.asyncDispose]());

type Event = Record<string, unknown> & { type: string };
interface Planned {
  group: string;
  name: string;
  version: string;
  path: string;
  rule: number;
  reason: string;
  bytes: number;
}

const tree = {
  "app.log": 100,
  "logs/2024/a.log": 40,
  "logs/2024/b.log": 50,
  "logs/2025/c.log": 60,
  "logs/keep.txt": 7,
  "web/index.html": 20,
  "web/old/x.html": 30,
};

/** Creates an asset directory `files` with these files, in a store of the given kind. */
async function prepare(place: Installation, kind: Kind, files: Record<string, number> = tree): Promise<void> {
  await stores.directory(place, kind, "files");
  await upload(place, files);
}

async function upload(place: Installation, files: Record<string, number>, letter = "x"): Promise<void> {
  for (const [path, size] of Object.entries(files)) {
    const local = place.path("in", path);
    mkdirSync(dirname(local), { recursive: true });
    writeFileSync(local, letter.repeat(size));
  }
  for (const path of Object.keys(files)) {
    const folder = path.slice(0, path.lastIndexOf("/") + 1);
    await place.run("asset", "upload", "files", place.path("in", path), "--to", folder, "--overwrite");
  }
}

const rule = (place: Installation, ...criteria: string[]) =>
  place.run("retention", "rule", "add", "files", ...criteria);
const plan = async (place: Installation) =>
  (await place.run("retention", "plan", "files", "--json")).json() as {
    delete: Planned[];
    totals: { versions: number; bytes: number; folders: number };
  };
const retain = async (place: Installation, ...more: string[]) =>
  (await place.run("retention", "run", "files", "--yes", "--json", ...more)).events() as Event[];
const paths = async (place: Installation) =>
  (await listed(place, "files")).map(({ path, folder }) => (folder ? `${path}/` : path));
/** Backdates a file's upload by a number of days. */
const age = (place: Installation, like: string, days: number) =>
  place.rows(
    `update feedctl.assets set uploaded_at = now() - interval '${days} days', created_at = now() - interval '${days} days'
     where file_id in (select id from feedctl.files where key like '${like}')`,
  );
const blobs = (place: Installation) =>
  readdirSync(place.path("stores"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && isBlobName(entry.name))
    .map((entry) => entry.name)
    .toSorted();

onDatabases("retention of asset directories", ["PostgreSQL"], (database) => {
  const test = (name: string, body: (place: Installation, t: TestContext) => Promise<void>) =>
    database.test(name, async (t) => {
      await using place = await database.install(stores.env);
      if (place === undefined) return t.skip(`no ${database.name} on this machine`);
      return await body(place, t);
    });

  for (const kind of ["disk", "s3"] as const)
    test(`in ${kind}: deletes what the plan selects, folders by choice, and reports the bytes that the store freed`, async (place) => {
      await prepare(place, kind);
      await place.run("asset", "mkdir", "files", "logs/empty");
      await age(place, "%.log", 40);
      await rule(place, "--delete-package-ids", "logs/*", "--older-than-days", "30", "--remove-empty-folders");
      const planned = await plan(place);
      assert.deepEqual(
        planned.delete.map(({ group, name, version, path, bytes }) => [group, name, version, path, bytes]),
        [
          ["logs/2024", "a.log", "", "logs/2024/a.log", 40],
          ["logs/2024", "b.log", "", "logs/2024/b.log", 50],
          ["logs/2025", "c.log", "", "logs/2025/c.log", 60],
        ],
      );
      assert.equal(planned.delete[0]?.reason, "its path is like logs/*; uploaded 40 days ago (limit: 30)");
      assert.deepEqual(planned.totals.folders, 2);
      const csv = (await place.run("retention", "plan", "files", "--csv")).stdout.split("\n");
      assert.deepEqual(csv.slice(0, 2), [
        "group,name,version,bytes,rule,ruleName,reason",
        "logs/2024,a.log,,40,1,,its path is like logs/*; uploaded 40 days ago (limit: 30)",
      ]);

      const dry = (await place.run("retention", "run", "files", "--dry-run", "--json")).events() as Event[];
      assert.deepEqual(
        dry.flatMap((event) => (event.type === "version" ? [event["path"]] : [])),
        planned.delete.map(({ path }) => path),
      );
      assert.partialDeepStrictEqual(dry.at(-1), { planned: 3, plannedBytes: 150, folders: 2, deleted: 0 });

      const events = await retain(place);
      assert.deepEqual(
        events.flatMap((event) => (event.type === "version" ? [[event["path"], event["action"]]] : [])),
        planned.delete.map(({ path }) => [path, "deleted"]),
      );
      assert.deepEqual(
        events.flatMap((event) => (event.type === "folder" ? [event["path"]] : [])),
        ["logs/2024", "logs/2025"],
      );
      assert.partialDeepStrictEqual(events.at(-1), { deleted: 3, blobs: 3, bytes: 150, folders: 2, waiting: 0 });
      assert.deepEqual(await paths(place), [
        "app.log",
        "logs/",
        "logs/empty/",
        "logs/keep.txt",
        "web/",
        "web/index.html",
        "web/old/",
        "web/old/x.html",
      ]);
      await proven(place, "files");
      const audit = await place.rows(
        `select a.action, a.object, a.detail, r.command from feedctl.audit_events a join feedctl.runs r on r.id = a.run_id
           where r.command = 'retention run' order by a.id`,
      );
      assert.deepEqual(
        audit.map(({ action, object }) => `${String(action)} ${String(object)}`),
        [...planned.delete.map(({ path }) => `purged ${path}`), "folder deleted logs/2024", "folder deleted logs/2025"],
      );
      assert.partialDeepStrictEqual(audit[0]?.["detail"], { rule: 1, files: ["logs/2024/a.log"] });
      assert.partialDeepStrictEqual((await retain(place)).at(-1), { planned: 0, deleted: 0, blobs: 0, folders: 0 });
    });

  test("folders stay without the option, when the last rule lacks it, and when they have a description", async (place) => {
    await prepare(place, "disk");
    await place.run("asset", "set-cache", "files", "web/old", "30m");
    await rule(place, "--delete-package-ids", "*a.log", "--remove-empty-folders");
    await rule(place, "--delete-package-ids", "*b.log");
    await rule(place, "--delete-package-ids", "*c.log, web/old/*", "--remove-empty-folders");
    // new content resets a file's age
    await age(place, "%", 40);
    await upload(place, { "web/index.html": 21 }, "y");
    const young = await place.rows(
      "select f.key from feedctl.assets a join feedctl.files f on f.id = a.file_id where uploaded_at > now() - interval '1 day'",
    );
    assert.deepEqual(young, [{ key: "web/index.html" }]);
    const { folders } = (await plan(place)).totals;
    assert.partialDeepStrictEqual((await retain(place)).at(-1), { deleted: 4, folders });
    assert.deepEqual(await paths(place), [
      "app.log",
      "logs/",
      "logs/2024/",
      "logs/keep.txt",
      "web/",
      "web/index.html",
      "web/old/",
    ]);
  });

  test("earlier content needs rules of its own, and a file that a rule deletes leaves no earlier content", async (place) => {
    await prepare(place, "disk", { "a.txt": 10, "b/b.txt": 20, "c.txt": 5 });
    await place.run("asset", "versioning", "files", "on");
    await upload(place, { "a.txt": 11 }, "y");
    await upload(place, { "a.txt": 12 }, "z");
    await place.run("asset", "delete", "files", "b/b.txt", "--yes");
    const history = async () =>
      ((await place.run("asset", "history", "files", "--json")).json() as { path: string; size: number }[]).map(
        ({ path, size }) => `${path} ${size}`,
      );
    assert.deepEqual(await history(), ["a.txt 11", "a.txt 10", "b/b.txt 20"]);
    await place.rows("update feedctl.asset_history set kept_at = now() - interval '20 days' where path = 'b/b.txt'");
    const oldest = await place.rows(
      "update feedctl.asset_history h set kept_at = now() - interval '50 days' from feedctl.files f where f.id = h.file_id and f.size = 10 returning h.file_id::int as id",
    );

    // a rule for files never deletes earlier content, however old
    await rule(place, "--older-than-days", "0", "--delete-package-ids", "c.txt");
    const gone = await retain(place);
    assert.partialDeepStrictEqual(gone.at(-1), { deleted: 1, blobs: 1, bytes: 5 });
    assert.deepEqual(await history(), ["a.txt 11", "a.txt 10", "b/b.txt 20"], "deleted for good");
    assert.equal(blobs(place).length, 4);
    await place.run("retention", "rule", "remove", "files", "1");

    await rule(place, "--delete-history", "--older-than-days", "15");
    const planned = await plan(place);
    assert.deepEqual(
      planned.delete.map(({ path, version, reason }) => [path, version, reason]),
      [
        ["a.txt", String(oldest[0]?.["id"]), "earlier content; replaced 50 days ago (limit: 15)"],
        ["b/b.txt", planned.delete[1]?.version, "earlier content; deleted 20 days ago (limit: 15)"],
      ],
    );
    const explained = await place.run("retention", "plan", "files", "--explain", `a.txt@${String(oldest[0]?.["id"])}`);
    assert.match(explained.stdout, /^a\.txt@\d+ goes\n {2}rule 1 deletes it: earlier content; replaced 50 days ago/);
    assert.match(
      (await place.run("retention", "plan", "files", "--explain", "a.txt")).stdout,
      /^a\.txt stays\n {2}rule 1 does not select it: it is not earlier content/,
    );
    await place.exits(4, "retention", "plan", "files", "--explain", `c.txt@${String(oldest[0]?.["id"])}`);
    await place.exits(4, "retention", "plan", "files", "--explain", "b/b.txt");
    await place.exits(2, "retention", "plan", "files", "--explain", "b");

    assert.partialDeepStrictEqual((await retain(place)).at(-1), { deleted: 2, blobs: 2, bytes: 30, folders: 0 });
    assert.deepEqual(await history(), ["a.txt 11"]);
    assert.deepEqual(await paths(place), ["a.txt", "b/"]);
    assert.equal(blobs(place).length, 2);
    const audit = await place.rows(
      "select object, detail from feedctl.audit_events where action = 'purged' order by id",
    );
    assert.deepEqual(
      audit.map(({ object }) => object),
      ["c.txt", "a.txt", "b/b.txt"],
    );

    // quotas count files and earlier content separately
    await place.run("retention", "rule", "remove", "files", "1");
    await rule(place, "--size-trigger", "12");
    assert.equal((await plan(place)).totals.versions, 0);
    await rule(place, "--delete-history", "--count-trigger", "0");
    assert.deepEqual(
      (await plan(place)).delete.map(({ path, reason }) => [path, reason]),
      [["a.txt", "earlier content; the earlier content holds 1 file (limit: 0)"]],
    );
    await proven(place, "files");
  });

  test("a file that changed since the plan is left, and a path that is uploaded again keeps its blob", async (place) => {
    await prepare(place, "disk", { "a.txt": 10, "b.txt": 20, "c.txt": 30, "d.txt": 40, "e.txt": 50, "f.txt": 60 });
    await rule(place, "--delete-package-ids", "*");
    await rule(place, "--delete-package-ids", "nothing");
    const { openPostgres } = await import("../../../src/catalog/connection/open-postgres.ts");
    const { runRetention } = await import("../../../src/operations/retention/run.ts");
    const { openStore } = await import("../../../src/stores/providers.ts");
    await using catalog = await openPostgres(place.env["FEEDCTL_DATABASE_URL"] ?? "");
    const context = {
      catalog: async () => catalog,
      signal: new AbortController().signal,
      now: () => new Date(),
      clockAhead: async () => 0,
      monotonic: () => performance.now(),
      actor: "test",
      host: "test",
      pid: 1,
      lockWait: 0,
      dataDir: place.data,
      platform: "linux",
      concurrency: 2,
      env: () => undefined,
      configuredSettings: new Map(),
      notice: () => {},
      openStore,
    };
    const actions: string[] = [];
    for await (const event of runRetention(context as never, {
      feeds: ["files"],
      async approve(_plan, what) {
        assert.equal(what, "delete 6 files (210 B) of feed files");
        await upload(place, { "a.txt": 11 }, "y");
        await place.run("package", "protect", "files", "B.txt");
        writeFileSync(place.path("log"), '- - - [06/Feb/2026:00:00:38 +0000] "GET /c.txt HTTP/1.1" 200 30 "-" "-"\n');
        await place.run("usage", "import", "files", place.path("log"), "--prefix", "/");
        await upload(place, { "f.txt": 60 }); // an upload of the same bytes also counts as a change
        await place.run("asset", "delete", "files", "d.txt", "--yes");
        await upload(place, { "d.txt": 40 });
      },
    })) {
      if (event.type === "version") actions.push(`${event.path} ${event.action}`);
      if (event.type === "feed") assert.partialDeepStrictEqual(event, { left: 5, deleted: 1 });
    }
    assert.deepEqual(actions, ["a.txt left", "b.txt left", "c.txt left", "e.txt deleted", "f.txt left"]);
    // the state after a run died with the row deleted, and the file was uploaded again
    await place.rows(
      "insert into feedctl.pending_deletes select s.id, 'd.txt', (select max(id) from feedctl.runs), now() from feedctl.stores s where role = 'current'",
    );
    await place.rows("update feedctl.retention_rules set enabled = position <> 1");
    assert.partialDeepStrictEqual((await retain(place)).at(-1), { deleted: 0, blobs: 0, waiting: 0 });
    assert.deepEqual(blobs(place), ["a.txt", "b.txt", "c.txt", "d.txt", "f.txt"]);
    await proven(place, "files");
  });

  test("guards hold as for packages, and quarantine is refused", async (place) => {
    await prepare(place, "disk", { "a.txt": 10, "b.txt": 20, "c.txt": 30, "d.txt": 40 });
    await rule(place, "--delete-package-ids", "a*, b*");
    await rule(place, "--delete-history", "--older-than-days", "1");
    for (const most of ["1", "49%"])
      assert.match(
        (await place.exits(8, "retention", "run", "files", "--yes", "--max-delete", most)).stderr,
        /would delete 2 files/,
      );
    await place.exits(8, "retention", "run", "files");
    const refused = await place.exits(2, "retention", "run", "files", "--yes", "--quarantine", "7");
    assert.match(refused.stderr, /the files of asset directory "files" cannot be put in quarantine/);
    await place.exits(2, "retention", "run", "files", "--dry-run", "--quarantine", "7");
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("feed", "create", "bare", "--type", "asset");
    const all = await place.run("retention", "run", "--all", "--yes", "--quarantine", "7", "--json");
    assert.match(all.stderr, /skipped asset directory files: its files cannot be put in quarantine/);
    assert.partialDeepStrictEqual(all.events(), [
      { type: "feed", feed: "bare", outcome: "done" },
      { type: "feed", feed: "web", outcome: "done" },
      { type: "summary", feeds: 2, failed: 0, deleted: 0 },
    ]);
    await place.run("feed", "set", "files", "--no-retention");
    assert.partialDeepStrictEqual(await retain(place), [{ outcome: "disabled", planned: 0 }, { type: "summary" }]);
    await place.run("feed", "set", "files", "--retention");
    await place.run("settings", "set", "FeedRetentionDryRun", "true");
    assert.partialDeepStrictEqual((await retain(place)).at(-1), { dryRun: true, planned: 2, deleted: 0 });
    await place.run("settings", "set", "FeedRetentionDryRun", "false");
    assert.partialDeepStrictEqual((await retain(place, "--max-duration", "1ms")).at(-1), { stopped: 1, deleted: 0 });
    assert.equal(blobs(place).length, 4);

    // a lot of earlier content does not raise the limit for files
    await place.run("asset", "versioning", "files", "on");
    for (const letter of ["a", "b", "c", "d", "e", "f"]) await upload(place, { "d.txt": 40 }, letter);
    const most = await place.exits(8, "retention", "run", "files", "--yes", "--max-delete", "25%");
    assert.match(most.stderr, /would delete 2 files, and --max-delete allows 25% of 4/);
    const both = (await place.run("retention", "run", "--all", "--yes", "--max-delete", "50%")).stdout;
    assert.match(both, /^files: deleted 2 files, .*\n(web: .*\n)3 feeds: deleted 2 items, 30 B reclaimed\n$/m);
  });

  test("criteria for versions are refused for asset directories, and the reverse", async (place) => {
    await stores.directory(place, "disk", "files");
    await place.run("feed", "create", "web", "--type", "npm");
    const refused = [
      ["--keep-versions-count", "3"],
      ["--delete-versions", "1.*"],
      ["--keep-versions", "1.*"],
      ["--versions-range", "<2"],
      ["--keep-last-stable"],
      ["--keep-stable-newer"],
      ["--delete-cached"],
      ["--delete-prerelease-versions"],
      ["--delete-unlisted"],
      ["--delete-deprecated"],
      ["--delete-superseded"],
    ];
    for (const criteria of refused) {
      const { stderr } = await place.exits(2, "retention", "rule", "add", "files", ...criteria);
      assert.match(stderr, new RegExp(`has no versions: ${criteria[0]}`));
    }
    for (const alone of [["--remove-empty-folders"], ["--size-exclusive"]])
      await place.exits(2, "retention", "rule", "add", "files", ...alone);
    for (const useless of [
      ["--keep-used-within-days", "3"],
      ["--trigger-download-count", "3"],
      ["--remove-empty-folders"],
    ])
      assert.match(
        (await place.exits(2, "retention", "rule", "add", "files", "--delete-history", ...useless)).stderr,
        new RegExp(`${useless[0]} has no effect with --delete-history`),
      );
    for (const flag of ["--delete-history", "--remove-empty-folders"]) {
      const { stderr } = await place.exits(2, "retention", "rule", "add", "web", "--older-than-days", "3", flag);
      assert.match(stderr, new RegExp(`${flag} is for asset directories only`));
    }
    await rule(place, "--older-than-days", "3");
    await place.exits(2, "retention", "rule", "set", "files", "1", "--delete-cached");
    writeFileSync(place.path("rules.json"), '{"feeds": {"files": {"rules": [{"keepLastStable": true}]}}}');
    await place.exits(2, "retention", "apply", place.path("rules.json"));
  });

  test("a second run ends with 75 while the first is at work", async (place) => {
    await prepare(place, "disk", { "a.txt": 1 });
    await rule(place, "--delete-package-ids", "*");
    {
      await using _held = await holdLock(place.env["FEEDCTL_DATABASE_URL"], { kind: "retention", id: 1 });
      await place.exits(75, "retention", "run", "files", "--yes");
    }
    assert.partialDeepStrictEqual((await retain(place)).at(-1), { deleted: 1 });
  });

  test("killed at any moment, the next run finishes", async (place, t) => {
    await stores.directory(place, "disk", "files");
    for (let folder = 0; folder < 40; folder++) {
      mkdirSync(place.path("in", `f${folder}`), { recursive: true });
      for (let file = 0; file < 25; file++)
        writeFileSync(place.path("in", `f${folder}`, `${file}.log`), `${folder} ${file}`);
    }
    writeFileSync(place.path("in", "f0", "stays.txt"), "stays");
    await place.run("asset", "upload", "files", place.path("in"), "--recursive", "--quiet");
    await rule(place, "--delete-package-ids", "*.log", "--remove-empty-folders");
    let killed = 0;
    const command = ["retention", "run", "files", "--quiet", "--max-delete", "100%"];
    // a real run continues where a dry run ends
    const dry = await duration(place, [...command, "--dry-run"]);
    for (const point of killPoints(attempts(3), 0.7, 1.3, firstSeed(3)))
      killed += (await killAfter(place, dry * point, [...command, "--yes"])).killed ? 1 : 0;
    const purged =
      "select count(*)::int as events, count(distinct object)::int as objects from feedctl.audit_events where action = 'purged'";
    const soFar = await place.rows(purged);
    expectExit(
      0,
      ["retention run"],
      await place.feedctl(["retention", "run", "files", "--yes", "--max-delete", "100%"]),
    );
    t.diagnostic(`${killed} runs were killed, and had deleted ${String(soFar[0]?.["events"])} of 1000 files`);
    assert.ok(killed > 0, "no run was killed: the points are too late for this machine");
    assert.deepEqual(await paths(place), ["in/", "in/f0/", "in/f0/stays.txt"]);
    assert.deepEqual(blobs(place), ["stays.txt"]);
    assert.deepEqual(await place.rows(purged), [{ events: 1000, objects: 1000 }]);
    await proven(place, "files");
  });
});
