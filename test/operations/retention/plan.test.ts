import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { Catalog } from "../../../src/catalog/connection/catalog.ts";
import { insertFeed } from "../../../src/catalog/feeds.ts";
import { saveRules } from "../../../src/catalog/retention/rules.ts";
import type { Context } from "../../../src/operations/context.ts";
import { explainRetention } from "../../../src/operations/retention/explain.ts";
import { planRetention } from "../../../src/operations/retention/plan.ts";
import type { RetentionCriteria } from "../../../src/catalog/schema/retention-criteria.ts";
import { criteriaProblem } from "../../../src/operations/retention/criteria.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { semver } from "../../../src/versions/semver.ts";
import { modelPlan, type ModelProtection, type ModelRule, type ModelVersion } from "../../support/retention-model.ts";
import { startPostgres } from "../../support/postgres.ts";
import { temporaryCatalog } from "../../support/retention-catalog.ts";
import { randomly } from "../../support/effort.ts";

const now = new Date("2026-11-21T12:00:00Z");
const DAY = 86_400_000;

const NAMES = ["left", "Left2", "acme/tool", "acme/tool_x", "acme/lib%", "other/tool"];
const patterns = fc.uniqueArray(
  fc.constantFrom("*", "left", "LEFT*", "acme/*", "@acme/tool", "*tool", "*_*", "*%", "a*l", "nothing"),
  { minLength: 1, maxLength: 3 },
);
const versionPatterns = fc.uniqueArray(fc.constantFrom("*", "1.*", "2.1.0", "*-RC*", "*.0", "3.*-*", "0.0.0"), {
  minLength: 1,
  maxLength: 3,
});
const ranges = fc.constantFrom(
  "^1.0.0",
  "<2.0.0",
  ">=1.1.0 <3.0.0 || 0.1.x",
  ">=2.0.0-beta.1 <2.1.0",
  "*",
  "1.x",
  "=2.1.0",
  "~1.2 || >2.0.0-rc.0",
);

const versionText = fc
  .tuple(fc.nat(3), fc.nat(2), fc.nat(1), fc.constantFrom("", "", "", "-beta.1", "-beta.2", "-rc.0"))
  .map(([major, minor, patch, label]) => `${major}.${minor}.${patch}${label}`);

const feed = fc
  .uniqueArray(
    fc.record({
      package: fc.constantFrom(...NAMES),
      version: versionText,
      cached: fc.boolean(),
      listed: fc.boolean(),
      deprecated: fc.boolean(),
      published: fc.nat(12),
      used: fc.option(fc.nat(12), { freq: 2 }),
      downloads: fc.nat(4),
      bytes: fc.nat(50),
      hidden: fc.constantFrom(false, false, false, false, false, true),
    }),
    { selector: (version) => `${version.package}@${version.version}`, maxLength: 40, minLength: 4 },
  )
  .map((versions) => versions.map((version, index): ModelVersion => ({ ...version, id: index + 1 })));

const yes = fc.constant(true as const);
type OfVersions = Omit<RetentionCriteria, "deleteHistory" | "removeEmptyFolders">;
const anyOf: { [Name in keyof OfVersions]-?: fc.Arbitrary<Exclude<RetentionCriteria[Name], undefined>> } = {
  deleteCached: yes,
  deletePrereleaseVersions: yes,
  deleteUnlisted: yes,
  deleteDeprecated: yes,
  deleteSuperseded: yes,
  deletePackageIds: patterns,
  keepPackageIds: patterns,
  deleteVersions: versionPatterns,
  keepVersions: versionPatterns,
  versionsRange: ranges,
  keepVersionsCount: fc.nat(3),
  keepVersionsPer: fc.constantFrom("package", "major", "minor", "suffix", "suffix,major"),
  keepLastStable: yes,
  keepStableNewer: yes,
  olderThanDays: fc.nat(12),
  keepUsedWithinDays: fc.nat(12),
  triggerDownloadCount: fc.nat(4),
  sizeTrigger: fc.nat(600),
  countTrigger: fc.nat(25),
  sizeExclusive: yes,
};

const valid = (criteria: object) => criteriaProblem(criteria, "npm") === undefined;
const criteria = fc
  .tuple(fc.record(anyOf, { requiredKeys: [] }), fc.subarray(Object.keys(anyOf), { minLength: 1, maxLength: 5 }))
  .map(
    ([all, some]) =>
      Object.fromEntries(Object.entries(all).filter(([name]) => some.includes(name))) as RetentionCriteria,
  )
  .filter(valid);
const rule: fc.Arbitrary<ModelRule> = fc.record({
  enabled: fc.constantFrom(true, true, true, true, false),
  protectAcrossRules: fc.constantFrom(false, false, false, true),
  criteria,
});
const protections: fc.Arbitrary<ModelProtection[]> = fc.array(
  fc.record({
    package: fc.constantFrom("left", "acme/*", "LEFT2", "*tool"),
    version: fc.constantFrom("*", "1.*", "2.1.0"),
  }),
  { maxLength: 2 },
);

let feeds = 0;

/** Writes a feed with these versions and rules directly to the catalog. */
async function prepare(
  catalog: Catalog,
  versions: readonly ModelVersion[],
  rules: readonly ModelRule[],
  kept: readonly ModelProtection[],
) {
  const { db } = catalog;
  // only Debian packages have distributions
  const type = versions.some((version) => version.files !== undefined) ? "debian" : "npm";
  const row = await insertFeed(db, { name: `feed-${++feeds}`, type, description: null, now });
  assert.ok(row);
  const ids = new Map<number, number>();
  const packages = new Map<string, number>();
  const ago = (days: number) => new Date(now.getTime() - days * DAY);
  for (const name of new Set(versions.map((version) => version.package))) {
    const slash = name.indexOf("/");
    const [group, bare] = [name.slice(0, Math.max(slash, 0)), name.slice(slash + 1)];
    const made = await db
      .insertInto("packages")
      .values({ feed_id: row.id, group_name: group, name: bare, name_key: bare })
      .returning("id")
      .executeTakeFirstOrThrow();
    packages.set(name, made.id);
  }
  const inserted = await db
    .insertInto("versions")
    .values(
      versions.map((version) => ({
        package_id: packages.get(version.package) ?? 0,
        version: version.version,
        normalized_version: version.version,
        sort_key: semver.sortKey(version.version),
        prerelease: semver.isPrerelease(version.version),
        listed: version.listed,
        deprecated: version.deprecated,
        cached: version.cached,
        published_at: ago(version.published),
        published_by: "test",
        downloads: version.downloads,
        last_used_at: version.used === null ? null : ago(version.used),
        metadata: "{}",
        quarantined_at: version.hidden ? now : null,
      })),
    )
    .returning(["id", "package_id", "version"])
    .execute();
  for (const version of versions) {
    const found = inserted.find(
      (each) => each.package_id === packages.get(version.package) && each.version === version.version,
    );
    ids.set(Number(found?.id), version.id);
  }
  const none = Buffer.alloc(0);
  // every second version has two files: sizes must be those of versions, not of files
  const files = [...ids].flatMap(([id, model]) => {
    const { bytes = 0, files: places } = versions[model - 1] ?? {};
    if (places !== undefined && places.length > 0)
      return places.map(({ architecture, distribution }, index) => {
        const qualifier = `arch=${architecture}&component=main&distribution=${distribution}`;
        return { id, bytes: index === 0 ? bytes : 0, qualifier };
      });
    return model % 2 === 0
      ? [
          { id, bytes: Math.floor(bytes / 2), qualifier: "a" },
          { id, bytes: Math.ceil(bytes / 2), qualifier: "b" },
        ]
      : [{ id, bytes, qualifier: "" }];
  });
  await db
    .insertInto("files")
    .values(
      files.map(({ id, bytes, qualifier }) => ({
        version_id: id,
        feed_id: row.id,
        qualifier,
        key: parseKey(`${id}${qualifier}`),
        size: bytes,
        md5: none,
        sha1: none,
        sha256: none,
        sha512: none,
        content_type: "",
        created_at: now,
      })),
    )
    .execute();
  await saveRules(
    db,
    row.id,
    rules.map((one) => ({
      name: null,
      enabled: one.enabled,
      protectAcross: one.protectAcrossRules,
      criteria: { ...one.criteria },
    })),
  );
  for (const one of kept)
    await db
      .insertInto("protections")
      .values({ feed_id: row.id, ...one, created_at: now, created_by: "test" })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  return { name: row.name, ids, remove: () => db.deleteFrom("feeds").where("id", "=", row.id).execute() };
}

function contextOf(catalog: Catalog): Context {
  return {
    catalog: async () => catalog,
    now: () => now,
    clockAhead: async () => 0,
    signal: new AbortController().signal,
    notice: () => {},
  } as Partial<Context> as Context;
}

async function check(
  catalog: Catalog,
  versions: readonly ModelVersion[],
  rules: readonly ModelRule[],
  kept: readonly ModelProtection[],
) {
  const made = await prepare(catalog, versions, rules, kept);
  const wanted = modelPlan(versions, rules, kept);
  {
    await using plan = await planRetention(contextOf(catalog), made.name);
    const planned = (await Array.fromAsync(plan.versions())).map(
      ({ group, name, version, rule: position, bytes, reason }) => {
        const model = versions.find(
          (one) => one.package === (group === "" ? name : `${group}/${name}`) && one.version === version,
        );
        assert.equal(bytes, model?.bytes);
        assert.ok(reason.length > 3 && !/undefined|null|NaN/.test(reason), reason);
        return { id: model?.id ?? 0, rule: position };
      },
    );
    const inOrder = (list: { id: number; rule: number }[]) =>
      rules.map(({ criteria: of }, index) => {
        const ids = list.filter((one) => one.rule === index + 1).map((one) => one.id);
        return of.sizeTrigger === undefined && of.countTrigger === undefined ? ids.toSorted((a, b) => a - b) : ids;
      });
    assert.deepEqual(inOrder(planned), inOrder(wanted));
    assert.equal(plan.total.versions, wanted.length);
    assert.equal(
      plan.total.bytes,
      wanted.reduce((sum, { id }) => sum + (versions[id - 1]?.bytes ?? 0), 0),
    );
  }
  return { made, wanted };
}

describe("the plan equals the naive model's", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let catalog: Catalog | undefined;
  before(async () => {
    server = await startPostgres();
    if (server === undefined) return;
    const { openPostgres } = await import("../../../src/catalog/connection/open-postgres.ts");
    catalog = await openPostgres(await server.createCatalog());
  });
  after(async () => {
    await catalog?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });
  const options = randomly(20);

  for (const name of Object.keys(anyOf) as (keyof OfVersions)[])
    test(`for ${name}, alone and with others`, async (t) => {
      if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
      const on = catalog;
      const having = fc
        .tuple(anyOf[name] as fc.Arbitrary<unknown>, fc.option(criteria, { freq: 2 }))
        .map(([value, others]) => ({ ...others, [name]: value }))
        .map((one) =>
          name === "sizeExclusive"
            ? { sizeTrigger: 200, ...one }
            : name === "keepVersionsPer"
              ? { keepVersionsCount: 1, ...one }
              : one,
        )
        .filter(valid);
      await fc.assert(
        fc.asyncProperty(feed, having, async (versions, one) => {
          const { made } = await check(on, versions, [{ enabled: true, protectAcrossRules: false, criteria: one }], []);
          await made.remove();
        }),
        randomly(8),
      );
    });

  test("for counts per distribution and architecture of Debian packages", async (t) => {
    if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
    const on = catalog;
    const file = fc.record({
      distribution: fc.constantFrom("bookworm", "trixie"),
      architecture: fc.constantFrom("amd64", "arm64", "all"),
    });
    const placed = fc.array(fc.uniqueArray(file, { maxLength: 4, selector: (each) => JSON.stringify(each) }), {
      minLength: 40,
      maxLength: 40,
    });
    const per = fc.constantFrom("distribution", "architecture", "distribution,architecture", "architecture,minor");
    const counting = fc.tuple(rule, per, fc.nat(2)).map(([{ criteria: of, ...one }, keepVersionsPer, count]) => {
      const { versionsRange: _, ...others } = of; // Debian's ranges are written differently
      return { ...one, criteria: { ...others, keepVersionsCount: count, keepVersionsPer } };
    });
    await fc.assert(
      fc.asyncProperty(feed, placed, fc.array(counting, { minLength: 1, maxLength: 2 }), async (all, places, rules) => {
        const versions = all.map((version, index) => ({ ...version, files: places[index] ?? [] }));
        const { made } = await check(on, versions, rules, []);
        await made.remove();
      }),
      randomly(20),
    );
  });

  test("for equal versions under a quota: the least recently used goes first", async (t) => {
    if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
    const same = {
      package: "left",
      cached: false,
      listed: true,
      deprecated: false,
      published: 5,
      downloads: 0,
      bytes: 9,
    };
    const versions = [
      { ...same, id: 1, version: "1.0.0+a", used: 1, hidden: false },
      { ...same, id: 2, version: "1.0.0+b", used: 4, hidden: false },
      { ...same, id: 3, version: "1.0.0+c", used: 2, hidden: false },
    ];
    const rules = [{ enabled: true, protectAcrossRules: false, criteria: { countTrigger: 1 } }];
    const { made, wanted } = await check(catalog, versions, rules, []);
    assert.deepEqual(
      wanted.map(({ id }) => id),
      [2, 3],
    );
    await made.remove();
  });

  test("for several rules, rules that keep across rules, and protections", async (t) => {
    if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
    const on = catalog;
    await fc.assert(
      fc.asyncProperty(
        feed,
        fc.array(rule, { minLength: 1, maxLength: 4 }),
        protections,
        async (versions, rules, kept) => {
          const { made } = await check(on, versions, rules, kept);
          await made.remove();
        },
      ),
      randomly(60),
    );
  });

  test("and --explain agrees, rule by rule", async (t) => {
    if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
    const on = catalog;
    await fc.assert(
      fc.asyncProperty(
        feed,
        fc.array(rule, { minLength: 1, maxLength: 3 }),
        protections,
        fc.nat(),
        async (versions, rules, kept, pick) => {
          const { made, wanted } = await check(on, versions, rules, kept);
          const visible = versions.filter(({ hidden }) => !hidden);
          const one = visible[pick % Math.max(visible.length, 1)];
          if (one !== undefined) {
            const said = await explainRetention(contextOf(on), made.name, `${one.package}@${one.version}`);
            const taker = wanted.find(({ id }) => id === one.id)?.rule;
            assert.equal(said.goes, taker !== undefined);
            assert.deepEqual(
              said.verdicts.filter(({ verdict }) => verdict === "deletes").map(({ rule: position }) => position),
              taker === undefined ? [] : [taker],
            );
            for (const { rule: position, verdict, reason } of said.verdicts) {
              assert.equal(verdict === "off", rules[position - 1]?.enabled === false);
              assert.equal(
                verdict === "gone",
                rules[position - 1]?.enabled === true && taker !== undefined && position > taker,
              );
              assert.ok(reason.length > 3 && !/undefined|null|NaN/.test(reason), `${verdict}: ${reason}`);
            }
          }
          await made.remove();
        },
      ),
      options,
    );
  });

  test("versions are counted per platform and by what follows their numbers", async (t) => {
    if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
    const { db } = catalog;
    // version and qualifier of its file, oldest first; the newest of each is kept. An odd id has one file.
    for (const { type, per, files, goes } of [
      {
        type: "rpm",
        per: "distribution",
        files: [["1.0.0-1.el8"], ["1.0.0-1.el9"], ["1.0.0-2.el9"]],
        goes: ["1.0.0-1.el9"],
      },
      {
        type: "rpm",
        per: "architecture",
        files: [
          ["1.0.0", "arch=x86_64"],
          ["1.1.0", "arch=aarch64"],
          ["1.2.0", "arch=x86_64"],
        ],
        goes: ["1.0.0"],
      },
      {
        type: "npm",
        per: "suffix",
        files: [["1.0.0-beta.1"], ["1.0.0-beta.2"], ["1.0.0-rc.1"], ["1.0.0"]],
        goes: ["1.0.0-beta.1"],
      },
      {
        type: "pypi",
        per: "platform",
        files: [
          ["1.0.0", "file=a-1.0.0-py3-none-any.whl"],
          ["1.1.0", "file=a-1.1.0-cp3-cp3-win_amd64.whl"],
          ["1.2.0", "file=a-1.2.0-py3-none-any.whl"],
        ],
        goes: ["1.0.0"],
      },
      {
        type: "conda",
        per: "platform,major",
        files: [
          ["1.0.0", "build=0&subdir=linux-64&type=conda"],
          ["1.1.0", "build=0&subdir=noarch&type=conda"],
          ["2.0.0", "build=0&subdir=linux-64&type=conda"],
          ["2.1.0", "build=0&subdir=linux-64&type=conda"],
        ],
        goes: ["2.0.0"],
      },
      {
        type: "vsix",
        per: "platform",
        files: [
          ["1.0.0", "targetPlatform=win32-x64"],
          ["1.1.0", ""],
        ],
        goes: [],
      },
    ]) {
      const versions = files.map(([version = ""], index) => ({
        ...{ id: index * 2 + 1, package: "left", version, cached: false, listed: true, deprecated: false },
        ...{ published: 9 - index, used: null, downloads: 0, bytes: 1, hidden: false },
      }));
      const criteria = { keepVersionsCount: 1, keepVersionsPer: per };
      const made = await prepare(catalog, versions, [{ enabled: true, protectAcrossRules: false, criteria }], []);
      await db.updateTable("feeds").set({ type }).where("name", "=", made.name).execute();
      for (const [id, number] of made.ids)
        await db
          .updateTable("files")
          .set({ qualifier: files[(number - 1) / 2]?.[1] ?? "" })
          .where("version_id", "=", id)
          .execute();
      await using plan = await planRetention(contextOf(catalog), made.name);
      assert.deepEqual(
        (await Array.fromAsync(plan.versions())).map(({ version }) => version),
        goes,
        `${type} ${per}`,
      );
      await made.remove();
    }
  });

  test("on the embedded catalog as well", async () => {
    await using place = await temporaryCatalog();
    await fc.assert(
      fc.asyncProperty(
        feed,
        fc.array(rule, { minLength: 1, maxLength: 3 }),
        protections,
        async (versions, rules, kept) => {
          await (await check(place.catalog, versions, rules, kept)).made.remove();
        },
      ),
      randomly(6),
    );
  });
});
