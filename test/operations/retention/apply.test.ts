import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { isFeedctlError } from "../../../src/errors.ts";
import { criteria as descriptors, criterionNames, parseCriterion } from "../../../src/operations/retention/criteria.ts";
import { readRetentionFile } from "../../../src/operations/retention/rule-file.ts";
import { type Installation, onDatabases } from "../../support/databases.ts";
import { npmTarball } from "../../support/fixtures/packages.ts";

const criteria = {
  deleteCached: "true",
  deletePrereleaseVersions: "true",
  deleteUnlisted: "true",
  deleteDeprecated: "true",
  deleteSuperseded: "true",
  deletePackageIds: ["a*", "@acme/b"],
  keepPackageIds: "c, d",
  deleteVersions: "1.*",
  keepVersions: ["2.*"],
  versionsRange: "^1.0.0",
  keepVersionsCount: "3",
  keepVersionsPer: "minor",
  keepLastStable: "true",
  keepStableNewer: "true",
  olderThanDays: "30",
  keepUsedWithinDays: "60",
  triggerDownloadCount: "5",
  sizeTrigger: "1.5G",
  countTrigger: "100",
  sizeExclusive: "true",
  deleteHistory: "true",
  removeEmptyFolders: "true",
};

test("a rule file accepts every criterion, under ProGet's names and those of the command line", () => {
  assert.deepEqual(Object.keys(criteria).toSorted(), criterionNames.toSorted());
  const kebab = Object.fromEntries(criterionNames.map((name) => [descriptors[name].flag, criteria[name]]));
  const read = (rule: object) =>
    readRetentionFile(JSON.stringify({ feeds: { web: { rules: [rule] } } }), "file")[0]?.rules?.[0];
  const rule = read({ name: "all", ...criteria });
  assert.deepEqual(read({ name: "all", ...kebab }), rule);
  assert.partialDeepStrictEqual(rule, { name: "all", enabled: true, protectAcrossRules: false });
  assert.partialDeepStrictEqual(rule?.criteria, {
    deletePackageIds: ["a*", "@acme/b"],
    keepPackageIds: ["c", "d"],
    sizeTrigger: 1.5 * 1024 ** 3,
    keepVersionsCount: 3,
  });
  assert.deepEqual(read({ sizeTriggerKb: 2, deleteCached: false })?.criteria, { sizeTrigger: 2048 });
});

test("an invalid rule file is refused with the position of the error", () => {
  for (const [text, why] of [
    ["", /no object "feeds"/],
    ["feeds: []", /no object "feeds"/],
    ["feeds: {web: {rule: []}}", /feed web: unknown member "rule"/],
    ["feeds: {web: {rules: {}}}", /feed web: "rules" is not a list/],
    ["feeds: {web: {rules: [1]}}", /feed web, rule 1 is not an object/],
    ["feeds: {web: {rules: [{}, {keepVersions: [[a]]}]}}", /feed web, rule 2: .*list of patterns/],
    ["feeds: {web: {rules: [{olderThanDays: x}]}}", /feed web, rule 1: --older-than-days must be a whole number/],
    ["feeds: {web: {rules: [{olderThanDays: [1]}]}}", /one value/],
    ["feeds: {web: {rules: [{deleteCached: maybe}]}}", /true or false/],
    // without the criterion that its author intended, a rule would delete more
    [
      "feeds: {web: {rules: [{deletePackageIds: , olderThanDays: 1}]}}",
      /feed web, rule 1: "deletePackageIds" is empty/,
    ],
    ["feeds: {web: {rules: [{deletePackageIds: [], olderThanDays: 1}]}}", /"deletePackageIds" is empty/],
    ["feeds: {web: {rules: [{deletePackageIds: ',', olderThanDays: 1}]}}", /"deletePackageIds" is empty/],
    ['{"feeds": {"web": {"rules": [{"deleteVersions": null, "olderThanDays": 1}]}}}', /"deleteVersions" is empty/],
    ["feeds: {web: {rules: [{olderThanDays: }]}}", /"olderThanDays" is empty/],
    ["feeds: {web: {rules: [{deleteVersions: a, delete-versions: b}]}}", /"deleteVersions" is given twice/],
    ["feeds: {web: {rules: [{sizeTriggerKb: 1, sizeTrigger: 1}]}}", /"sizeTrigger" is given twice/],
    ["feeds: {web: {rules: [{sizeTriggerKb: 99999999999999999999}]}}", /size-trigger must be a size/],
    ["feeds: {web: {enabled: 1}}", /enabled must be true or false/],
    ["feeds: {web: {protect: [{pakcage: x}]}}", /feed web, protection 1/],
    ["feeds: {web: {}, Web: {}}", /twice/],
    ["feeds: {web: {rules: [*x]}}", /not YAML|aliases/],
  ] as const)
    assert.throws(
      () => readRetentionFile(text, "rules.yaml"),
      (error) =>
        isFeedctlError(error, "usage") && why.test(error.message) && /^rules\.yaml(:\d+:\d+)?: /.test(error.message),
      text,
    );
});

test("an error in a rule file names line and column of the member", () => {
  const file = (...rule: string[]) => ["feeds:", "  web:", "    rules:", "      - name: a", ...rule].join("\n");
  for (const [text, place] of [
    [file("        oldrThanDays: 1"), "5:9"],
    [file("        olderThanDays: x", "        keepVersions: [a]"), "5:9"],
    [file("        olderThanDays: 1", "      - 7"), "6:9"],
    [file("        olderThanDays: 1", "    protect: x"), "6:5"],
    [file("        olderThanDays: 1", "    enabled: x"), "6:5"],
    [file("        olderThanDays: 1", "    enable: true"), "6:5"],
    [file("        olderThanDays: 1", "  web:", "    rules: []"), "6:3"],
    [file("        olderThanDays: *x"), "5:24"],
    [file("       - [a"), "5:8"],
    ['{"feeds": {"web": {"rules": [\n  {"olderThanDays": "x"}]}}}', "2:4"],
  ] as const)
    assert.throws(
      () => readRetentionFile(text, "rules.yaml"),
      new RegExp(`^FeedctlError: rules\\.yaml:${place}: `),
      text,
    );
});

test("values of criteria are checked", () => {
  for (const [name, value] of [
    ["keepVersionsCount", "-1"],
    ["keepVersionsCount", "1.5"],
    ["sizeTrigger", "big"],
    ["sizeTrigger", "9000000T"],
    ["keepVersionsPer", "patch"],
    ["keepVersionsPer", "minor,minor"],
    ["deleteVersions", [1]],
  ] as const)
    assert.throws(
      () => parseCriterion(name, value),
      (error) => isFeedctlError(error, "usage"),
      name,
    );
  assert.deepEqual(parseCriterion("deleteVersions", " 1.*, ,2.* "), ["1.*", "2.*"]);
  assert.equal(parseCriterion("keepVersionsCount", ""), undefined);
});

async function apply(place: Installation, document: object, ...options: string[]) {
  writeFileSync(place.path("rules.json"), JSON.stringify(document));
  const { json } = await place.run("retention", "apply", place.path("rules.json"), "--json", ...options);
  return (json() as { changes: { change: string; what: string; name: string }[] }).changes.map(
    ({ change, what, name }) => `${change} ${what} ${name}`,
  );
}

const rulesOf = async (place: Installation) =>
  ((await place.run("retention", "rule", "list", "web", "--json")).json() as { name: string }[]).map(
    ({ name }) => name,
  );

onDatabases("retention apply", ["PostgreSQL"], (database) => {
  database.test(
    "changes feeds to match the file, prints the changes, and prints none the second time",
    async (_t, place) => {
      for (const feed of ["web", "other"]) await place.run("feed", "create", feed, "--type", "npm");
      await place.run("retention", "rule", "add", "other", "--delete-cached");
      const rules = [
        { name: "a", deleteCached: true },
        { name: "b", olderThanDays: 5, keepPackageIds: ["x*"] },
        { keepVersionsCount: 5 },
      ];
      const document = { feeds: { web: { rules, protect: ["core@1.*", { package: "@acme/x", reason: "why" }] } } };
      assert.equal((await apply(place, document, "--dry-run")).length, 5);
      assert.deepEqual(await rulesOf(place), []);
      assert.equal((await apply(place, document)).length, 5);
      assert.deepEqual(await apply(place, document), []);
      assert.deepEqual(await rulesOf(place), ["a", "b", null]);

      const [a, b, c] = rules;
      assert.deepEqual(await apply(place, { feeds: { web: { rules: [b, a, c] } } }), ["moved rule order"]);
      assert.deepEqual(
        await apply(place, { feeds: { web: { rules: [{ ...b, olderThanDays: 6 }, c], enabled: false } } }),
        ["changed rule b", "removed rule a", "changed enabled retention"],
      );
      assert.deepEqual(await apply(place, { feeds: { web: { protect: ["core@1.*"] } } }), [
        "removed protection acme/x@*",
      ]);
      assert.deepEqual(await rulesOf(place), ["b", null]);
      const others = (await place.run("retention", "rule", "list", "other", "--json")).json() as unknown[];
      assert.equal(others.length, 1);
    },
  );

  database.test("a connection that is lost amid the changes is the error, and not the rollback", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    await place.rows(`create function feedctl.cut() returns trigger language plpgsql
      as $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`);
    await place.rows("create trigger cut before insert on feedctl.retention_rules execute function feedctl.cut()");
    writeFileSync(place.path("rules.json"), JSON.stringify({ feeds: { web: { rules: [{ deleteCached: true }] } } }));
    const { stderr } = await place.exits(7, "retention", "apply", place.path("rules.json"));
    assert.match(stderr, /terminating connection due to administrator command/);
    assert.deepEqual(await rulesOf(place), []);
  });

  database.test("a file with one invalid feed changes nothing", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("feed", "create", "files", "--type", "asset");
    const good = { rules: [{ name: "a", deleteCached: true }] };
    for (const [document, code] of [
      [{ feeds: { web: good, nowhere: good } }, 4],
      [{ feeds: { web: good, files: good } }, 2],
      [{ feeds: { web: { rules: [...good.rules, { name: "A", deleteCached: true }] } } }, 2],
      [{ feeds: { web: { rules: [...good.rules, { versionsRange: "[1,2)" }] } } }, 2],
      [{ feeds: { web: { rules: [...good.rules, {}] } } }, 2],
    ] as const) {
      writeFileSync(place.path("rules.json"), JSON.stringify(document));
      await place.exits(code, "retention", "apply", place.path("rules.json"));
    }
    assert.deepEqual(await rulesOf(place), []);
    await place.exits(4, "retention", "apply", place.path("none.yaml"));
    // what only the feed decides has its place in the file too
    const rule = (text: string) => `  web:\n    rules:\n      - name: a\n        ${text}\n`;
    for (const [code, text, message] of [
      [4, "  nope:\n    rules: []\n", /placed.yaml:2:3: feed "nope" does not exist/],
      [2, rule('versionsRange: "[[["'), /placed.yaml:4:9: "\[\[\[" is not a version range/],
      [
        2,
        `${rule("deleteCached: true")}      - {name: A, deleteCached: true}\n`,
        /placed.yaml:6:9: there are two rules/,
      ],
      [2, '  web:\n    protect:\n      - package: ""\n', /placed.yaml:4:9: "" names no package/],
    ] as const) {
      writeFileSync(place.path("placed.yaml"), `feeds:\n${text}`);
      assert.match((await place.exits(code, "retention", "apply", place.path("placed.yaml"))).stderr, message);
    }
    await place.run("retention", "rule", "add", "files", "--older-than-days", "30", "--delete-package-ids", "tmp/*");
  });

  database.test("a protection counts once, null is nothing, and an empty list needs --yes", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    const applyFile = async (text: string, ...options: string[]) => {
      writeFileSync(place.path("rules.yaml"), text);
      return (await place.run("retention", "apply", place.path("rules.yaml"), "--json", ...options)).json() as {
        changes: { name: string; after: string | null }[];
        warnings: string[];
      };
    };
    const twice = 'feeds:\n  web:\n    protect: [core, "@sc/x", core, sc/x]\n';
    const { changes, warnings } = await applyFile(twice);
    assert.deepEqual([changes.length, warnings.length], [2, 2]);
    assert.deepEqual((await applyFile(twice)).changes, []);

    const rules = [
      { name: null, olderThanDays: 30, keepVersionsPer: "line", keepVersionsCount: 1 },
      { name: null, olderThanDays: 90 },
    ];
    await applyFile(JSON.stringify({ feeds: { web: { rules, protect: [{ package: "core", reason: null }] } } }));
    assert.deepEqual(await rulesOf(place), [null, null]);
    const listed = await place.run("retention", "rule", "list", "web");
    assert.match(listed.stdout, /the newest 1 of each minor line/);
    const reasons = async () =>
      ((await place.run("package", "protected", "web", "--json")).json() as { reason: null }[]).map(
        ({ reason }) => reason,
      );
    assert.deepEqual(await reasons(), [null]);
    for (const nothing of ["", " null", " ~"]) {
      writeFileSync(place.path("rules.yaml"), `feeds:\n  web:\n    protect:${nothing}\n`);
      const { stderr } = await place.exits(2, "retention", "apply", place.path("rules.yaml"));
      assert.match(stderr, /rules.yaml:3:5: feed web: "protect" is empty, .*\nhint: .*write \[\] or give --yes/);
    }
    assert.equal((await applyFile("feeds:\n  web:\n    protect:\n", "--yes")).changes.length, 1);
    assert.deepEqual(await reasons(), []);
  });

  database.test("an empty value is refused: the rule would delete the whole feed", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    for (const [flag, value] of [
      ["--delete-package-ids", ""],
      ["--delete-package-ids", ","],
      ["--delete-versions", " "],
      ["--older-than-days", ""],
    ] as const) {
      const { stderr } = await place.exits(2, "retention", "rule", "add", "web", flag, value);
      assert.match(stderr, new RegExp(`^error: ${flag} is given without a value`));
      await place.exits(2, "retention", "rule", "add", "web", flag, value, "--keep-versions-count", "3");
    }
    assert.deepEqual(await rulesOf(place), []);
    await place.run("retention", "rule", "add", "web", "--delete-package-ids", "a");
    await place.exits(2, "retention", "rule", "set", "web", "1", "--delete-package-ids=");
    // such a rule is also refused when it is in the catalog already
    await place.rows("update feedctl.retention_rules set criteria = '{}'");
    await place.exits(8, "retention", "plan", "web");
    await place.exits(8, "retention", "run", "web", "--yes");
  });

  database.test(
    "warns of likely mistakes: a rule that deletes all the rest, a protection that matches nothing",
    async (_t, place) => {
      await place.run("feed", "create", "web", "--type", "npm");
      writeFileSync(place.path("core.tgz"), npmTarball({ name: "@acme/core", version: "1.0.0-RC.1" }));
      await place.run("import", "web", place.path("core.tgz"));
      const add = async (...given: string[]) => (await place.run("retention", "rule", "add", "web", ...given)).stderr;
      for (const wide of [
        ["--keep-package-ids", "core"],
        ["--keep-versions", "1.*", "--delete-package-ids", "*"],
        ["--keep-versions-count", "0"],
        ["--older-than-days", "0", "--keep-versions", "2.*"],
      ])
        assert.match(
          await add(...wide),
          /^warning: the rule deletes every version that it does not keep; see: /,
          wide.join(" "),
        );
      for (const narrow of [
        ["--keep-package-ids", "acme/core", "--older-than-days", "1"],
        ["--trigger-download-count", "0"],
        ["--keep-last-stable"],
        ["--delete-package-ids", "a*"],
      ])
        assert.equal(await add(...narrow), "", narrow.join(" "));
      for (const odd of ["core-[ab]", "cor?", "!core", "co%"])
        assert.match(await add("--delete-package-ids", odd), /^warning: only \* is a wildcard in /, odd);
      const protect = async (what: string) => (await place.run("package", "protect", "web", what)).stderr;
      assert.match(
        await protect("acme/kore@1.*"),
        /^warning: it protects nothing now: feed web has none such; see: feedctl retention rule test web/,
      );
      assert.match(await protect("@acme/core@2.*"), /protects nothing now/);
      for (const right of ["@ACME/core@1.*", "acme/*", "*@1.0.0-rc.1"]) assert.equal(await protect(right), "", right);

      // names that match nothing: habits of regular expressions, a v before the version, half a version, another reach
      const some = ["--older-than-days", "30"];
      for (const [option, text, why] of [
        ["--keep-package-ids", "^acme/.*$", "keeps nothing: no such package among what the rule selects"],
        ["--keep-package-ids", "core", "keeps nothing: no such package among what the rule selects"],
        ["--keep-versions", "v1.0.0-rc.1", "keeps nothing: no such version among what the rule selects"],
        ["--keep-versions", "1.0", "keeps nothing: no such version among what the rule selects"],
        ["--delete-package-ids", "acme.*", "selects nothing: no such package in feed web"],
        ["--delete-versions", "2.*", "selects nothing: no such version in feed web"],
        ["--versions-range", ">=2", "selects nothing: no such version in feed web"],
      ] as const)
        assert.equal((await add(option, text, ...some)).split(/[;\n]/)[0], `warning: ${option} "${text}" ${why}`);
      // the pattern matches, but nothing that the rule selects
      assert.match(
        await add("--delete-versions", "9.*", "--keep-package-ids", "acme/core"),
        /--keep-package-ids "acme\/core" keeps/,
      );
      assert.doesNotMatch(
        await add("--delete-versions", "9.*", "--keep-package-ids", "acme/core", "--protect-across-rules"),
        /keeps/,
      );
      const tested = async (text: string) => (await place.run("retention", "rule", "test", "web", text)).stdout;
      assert.equal(await tested("@ACME/*"), "package\tacme/core\t\n");
      assert.equal(await tested("1.0.0-rc.*"), "version\tacme/core\t1.0.0-RC.1\n");
      assert.equal(await tested("^acme"), "");

      // every plan says it, and a rule file
      for (
        let rules = (await place.run("retention", "rule", "list", "web", "--json")).json() as unknown[];
        rules.length > 0;
        rules.pop()
      )
        await place.run("retention", "rule", "remove", "web", "1");
      await add("--keep-package-ids", "core,*", ...some, "--name", "old");
      const plan = await place.run("retention", "plan", "web");
      assert.equal(
        plan.stderr,
        'old: --keep-package-ids "core" keeps nothing: no such package among what the rule selects; see: feedctl retention rule test web PATTERN\n' +
          "2 protections of feed web protect nothing: acme/core@2.*, acme/kore@1.*; see: feedctl package protected web\n",
      );
      const file = place.path("rules.yaml");
      writeFileSync(file, "feeds:\n  web:\n    rules:\n      - keepVersions: v1.*\n    protect: [acme/cure]\n");
      const applied = await place.run("retention", "apply", file, "--dry-run", "--json");
      assert.deepEqual((applied.json() as { warnings: string[] }).warnings, [
        "web: rule 1: the rule deletes every version that it does not keep; see: feedctl retention plan web",
        'web: rule 1: --keep-versions "v1.*" keeps nothing: no such version among what the rule selects; see: feedctl retention rule test web PATTERN',
        "protection acme/cure@* protects nothing: feed web has no such version",
      ]);
      assert.match(applied.stderr, /^warning: web: rule 1: the rule deletes/);
      // only what a type's files say can be counted apart
      await place.exits(2, "retention", "rule", "add", "web", "--keep-versions-count", "1", "--per", "architecture");
      assert.match(
        (await place.run("retention", "rule", "add", "web", "--keep-versions-count", "1", "--per", "suffix,minor"))
          .stdout,
        /: keeps the newest 1 of each minor line and suffix$/m,
      );
      await place.run("feed", "create", "empty", "--type", "npm");
      assert.equal((await place.run("retention", "rule", "add", "empty", "--delete-package-ids", "a")).stderr, "");
    },
  );

  database.test("a number of days that leads to before the year 1 is accepted", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    await place.run("retention", "rule", "add", "web", "--older-than-days", "999999999");
    await place.run("retention", "rule", "add", "web", "--keep-used-within-days", "5000000", "--protect-across-rules");
    await place.run("retention", "plan", "web");
  });

  database.test("rules are added, changed, moved and removed by number or name", async (_t, place) => {
    await place.run("feed", "create", "web", "--type", "npm");
    for (const name of ["one", "two", "three"])
      await place.run("retention", "rule", "add", "web", "--name", name, "--delete-cached");
    await place.run("retention", "rule", "move", "web", "three", "1");
    assert.deepEqual(await rulesOf(place), ["three", "one", "two"]);
    await place.run(
      "retention",
      "rule",
      "set",
      "web",
      "ONE",
      "--name",
      "uno",
      "--delete-versions",
      "1.*",
      "--keep-last-stable",
      "--no-enabled",
    );
    const uno = (await place.run("retention", "rule", "show", "web", "2", "--json")).json();
    assert.deepEqual(uno, {
      position: 2,
      name: "uno",
      enabled: false,
      protectAcrossRules: false,
      criteria: { deleteCached: true, deleteVersions: ["1.*"], keepLastStable: true },
    });
    await place.exits(
      2,
      "retention",
      "rule",
      "set",
      "web",
      "uno",
      "--no-delete-cached",
      "--delete-versions=",
      "--no-keep-last-stable",
    );
    await place.exits(2, "retention", "rule", "set", "web", "uno");
    await place.exits(2, "retention", "rule", "set", "web", "uno", "--name", "two");
    await place.exits(2, "retention", "rule", "add", "web", "--delete-cached", "--name", "7");
    await place.run("retention", "rule", "remove", "web", "1");
    assert.deepEqual(await rulesOf(place), ["uno", "two"]);
    await place.exits(4, "retention", "rule", "remove", "web", "3");
    const events = await place.rows(
      "select count(*)::int as count from feedctl.audit_events where action like 'retention rule %'",
    );
    assert.deepEqual(events, [{ count: 6 }]);
  });
});
