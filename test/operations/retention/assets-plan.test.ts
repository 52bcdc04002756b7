import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import type { Catalog } from "../../../src/catalog/connection/catalog.ts";
import { foldersAbove } from "../../../src/catalog/assets/folders.ts";
import { insertFeed } from "../../../src/catalog/feeds.ts";
import { saveRules } from "../../../src/catalog/retention/rules.ts";
import type { Context } from "../../../src/operations/context.ts";
import { explainRetention } from "../../../src/operations/retention/explain.ts";
import { planRetention } from "../../../src/operations/retention/plan.ts";
import type { RetentionCriteria } from "../../../src/catalog/schema/retention-criteria.ts";
import {
  criteria as descriptors,
  criteriaProblem,
  criterionNames,
} from "../../../src/operations/retention/criteria.ts";
import { parseKey } from "../../../src/stores/key.ts";
import { startPostgres } from "../../support/postgres.ts";
import {
  modelAssetPlan,
  modelFolders,
  type ModelAsset,
  type ModelFolder,
} from "../../support/retention-asset-model.ts";
import { temporaryCatalog } from "../../support/retention-catalog.ts";
import type { ModelRule } from "../../support/retention-model.ts";
import { randomly } from "../../support/effort.ts";

const now = new Date("2026-11-21T12:00:00Z");
const DAY = 86_400_000;

const paths = fc.constantFrom(
  "a.log",
  "A.LOG",
  "a@1.txt",
  "docs/a.log",
  "docs/100%.txt",
  "docs/old/a_b.txt",
  "docs/old/deep/x.log",
  "docs-2/x.log",
  "web/index.html",
  "web/css/a.css",
  "web/css/\u{1F600}.css",
);
const patterns = fc.uniqueArray(
  fc.constantFrom("*", "*.log", "A.log", "docs/*", "/docs/old/*", "*_*", "*%*", "w*css", "nothing", "*/x.*"),
  { minLength: 1, maxLength: 3 },
);

const file = fc.record({
  path: paths,
  kept: fc.constant(null),
  since: fc.nat(12),
  used: fc.option(fc.nat(12), { freq: 2 }),
  downloads: fc.nat(4),
  bytes: fc.nat(50),
});
const earlier = fc.record({
  path: paths,
  kept: fc.constantFrom("overwritten" as const, "deleted" as const),
  since: fc.nat(12),
  used: fc.constant(null),
  downloads: fc.constant(0),
  bytes: fc.nat(50),
});
const assets = fc
  .tuple(
    fc.uniqueArray(file, { selector: ({ path }) => path, minLength: 2, maxLength: 11 }),
    fc.array(earlier, { maxLength: 8 }),
  )
  .map(([files, kept]) => [...files, ...kept].map((asset, index): ModelAsset => ({ ...asset, id: index + 1 })));
const extras = fc.record({
  empty: fc.subarray(["docs/old/empty", "web/empty/inner", "alone"]),
  described: fc.subarray(["docs", "docs/old", "web/css"]).map((all) => all.slice(0, 1)),
});

const yes = fc.constant(true as const);
type OfAssets = Pick<
  RetentionCriteria,
  | ("deletePackageIds" | "keepPackageIds" | "olderThanDays" | "keepUsedWithinDays" | "triggerDownloadCount")
  | ("sizeTrigger" | "countTrigger" | "sizeExclusive" | "deleteHistory" | "removeEmptyFolders")
>;
const anyOf: { [Name in keyof OfAssets]-?: fc.Arbitrary<Exclude<OfAssets[Name], undefined>> } = {
  deletePackageIds: patterns,
  keepPackageIds: patterns,
  olderThanDays: fc.nat(12),
  keepUsedWithinDays: fc.nat(12),
  triggerDownloadCount: fc.nat(4),
  sizeTrigger: fc.nat(300),
  countTrigger: fc.nat(12),
  sizeExclusive: yes,
  deleteHistory: yes,
  removeEmptyFolders: yes,
};
const valid = (criteria: object) => criteriaProblem(criteria, "asset") === undefined;
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
const protections = fc.uniqueArray(fc.constantFrom("docs/*", "A.log", "*.css"), { maxLength: 2 });

let feeds = 0;

const keyOf = ({ id, path, kept }: Pick<ModelAsset, "id" | "path" | "kept">) =>
  parseKey(kept === null ? path : `._proget_file_history_/${id}`);

/** Writes an asset directory with these files, folders and rules directly to the catalog. */
async function prepare(
  { db }: Catalog,
  all: readonly ModelAsset[],
  folders: readonly ModelFolder[],
  rules: readonly ModelRule[],
  kept: readonly string[],
) {
  const row = await insertFeed(db, { name: `files-${++feeds}`, type: "asset", description: null, now });
  assert.ok(row);
  const ago = (days: number) => new Date(now.getTime() - days * DAY);
  const none = Buffer.alloc(0);
  const shared = { feed_id: row.id, qualifier: "", md5: none, sha1: none, sha256: none, sha512: none };
  const inserted = await db
    .insertInto("files")
    .values(
      all.map(({ id, path, kept: why, bytes }) => ({
        ...shared,
        version_id: null,
        key: keyOf({ id, path, kept: why }),
        size: bytes,
        content_type: "",
        created_at: now,
      })),
    )
    .returning(["id", "key"])
    .execute();
  const idOf = new Map(inserted.map(({ id, key }) => [key, id]));
  const fileId = (asset: ModelAsset) => idOf.get(keyOf(asset)) ?? 0;
  const by = { uploaded_by: "test", created_at: ago(100), modified_at: ago(100) };
  const current = all.filter((asset) => asset.kept === null);
  await db
    .insertInto("assets")
    .values(
      current.map((asset) => ({
        ...by,
        file_id: fileId(asset),
        uploaded_at: ago(asset.since),
        downloads: asset.downloads,
        last_used_at: asset.used === null ? null : ago(asset.used),
        metadata: "{}",
      })),
    )
    .execute();
  for (const asset of all)
    if (asset.kept !== null)
      await db
        .insertInto("asset_history")
        .values({
          ...by,
          file_id: fileId(asset),
          feed_id: row.id,
          path: asset.path,
          reason: asset.kept,
          kept_at: ago(asset.since),
          kept_by: "test",
        })
        .execute();
  for (const { path, described } of folders)
    await db
      .insertInto("asset_folders")
      .values({ feed_id: row.id, path, created_at: now, cache_control: described ? "no-cache" : null })
      .execute();
  const saved = rules.map((one) => ({
    name: null,
    enabled: one.enabled,
    protectAcross: one.protectAcrossRules,
    criteria: { ...one.criteria },
  }));
  await saveRules(db, row.id, saved);
  for (const pattern of kept)
    await db
      .insertInto("protections")
      .values({ feed_id: row.id, package: pattern, version: "*", created_at: now, created_by: "test" })
      .execute();
  return { name: row.name, fileId, remove: () => db.deleteFrom("feeds").where("id", "=", row.id).execute() };
}

function foldersOf(all: readonly ModelAsset[], { empty, described }: { empty: string[]; described: string[] }) {
  const inner = empty.flatMap((path) => [...foldersAbove(path), path]);
  const above = all.filter(({ kept }) => kept === null).flatMap(({ path }) => foldersAbove(path));
  return [...new Set([...above, ...inner])].map((path) => ({ path, described: described.includes(path) }));
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
  all: readonly ModelAsset[],
  extra: { empty: string[]; described: string[] },
  rules: readonly ModelRule[],
  kept: readonly string[],
) {
  const folders = foldersOf(all, extra);
  const made = await prepare(catalog, all, folders, rules, kept);
  const wanted = modelAssetPlan(all, rules, kept);
  await using plan = await planRetention(contextOf(catalog), made.name);
  const planned = (await Array.fromAsync(plan.versions())).map((one) => {
    const { group, name, path, version, bytes, reason } = one;
    const model = all.find((asset) =>
      version === "" ? asset.kept === null && asset.path === path : String(made.fileId(asset)) === version,
    );
    assert.equal(path, model?.path);
    assert.equal(group === "" ? name : `${group}/${name}`, path);
    assert.ok(!name.includes("/"));
    assert.equal(version === "", model?.kept === null);
    assert.equal(bytes, model?.bytes);
    assert.ok(reason.length > 3 && !/undefined|null|NaN|version/.test(reason), reason);
    return { id: model?.id ?? 0, rule: one.rule };
  });
  const inOrder = (list: { id: number; rule: number }[]) =>
    rules.map(({ criteria: of }, index) => {
      const ids = list.filter((one) => one.rule === index + 1).map((one) => one.id);
      return of.sizeTrigger === undefined && of.countTrigger === undefined ? ids.toSorted((a, b) => a - b) : ids;
    });
  assert.deepEqual(inOrder(planned), inOrder(wanted));
  assert.equal(plan.total.versions, wanted.length);
  assert.equal(plan.folders, modelFolders(all, folders, rules, wanted).length);
  const shares = [false, true].map((history) => {
    const some = all.filter((asset) => (asset.kept !== null) === history);
    return { all: some.length, planned: some.filter(({ id }) => wanted.some((one) => one.id === id)).length };
  });
  const sorted = (list: { all: number; planned: number }[]) =>
    list.map((share) => `${share.planned} of ${share.all}`).toSorted();
  assert.deepEqual(sorted(plan.shares), sorted(shares.filter((share) => share.all > 0)));
  return { made, wanted };
}

test("the model covers every criterion of asset directories", () => {
  assert.deepEqual(
    Object.keys(anyOf).toSorted(),
    criterionNames.filter((name) => descriptors[name].of !== "versions").toSorted(),
  );
});

describe("the plan of an asset directory equals the naive model's", () => {
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

  for (const name of Object.keys(anyOf) as (keyof OfAssets)[])
    test(`for ${name}, alone and with others`, async (t) => {
      if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
      const on = catalog;
      const having = fc
        .tuple(anyOf[name] as fc.Arbitrary<unknown>, fc.option(criteria, { freq: 2 }))
        .map(([value, others]) => ({ ...others, [name]: value }))
        .map((one) =>
          name === "sizeExclusive"
            ? { sizeTrigger: 100, ...one }
            : name === "removeEmptyFolders"
              ? { olderThanDays: 2, ...one }
              : one,
        )
        .filter(valid);
      await fc.assert(
        fc.asyncProperty(assets, extras, having, async (all, extra, one) => {
          const rules = [{ enabled: true, protectAcrossRules: false, criteria: one }];
          await (await check(on, all, extra, rules, [])).made.remove();
        }),
        randomly(8),
      );
    });

  test("for several rules, protections, and folders that are emptied", async (t) => {
    if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
    const on = catalog;
    const rules = fc.array(rule, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(assets, extras, rules, protections, async (all, extra, some, kept) => {
        await (await check(on, all, extra, some, kept)).made.remove();
      }),
      randomly(60),
    );
  });

  test("the rule that deletes the last file of a folder decides whether the folder stays", async (t) => {
    if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
    const on = catalog;
    const one = fc.record({ deletePackageIds: patterns, removeEmptyFolders: fc.option(yes, { nil: undefined }) });
    const rules = fc.array(one, { minLength: 2, maxLength: 3 }).map((some) =>
      some.map(({ deletePackageIds, removeEmptyFolders }) => ({
        enabled: true,
        protectAcrossRules: false,
        criteria: { deletePackageIds, ...(removeEmptyFolders && { removeEmptyFolders }) },
      })),
    );
    await fc.assert(
      fc.asyncProperty(assets, extras, rules, async (all, extra, some) => {
        await (await check(on, all, extra, some, [])).made.remove();
      }),
      randomly(20),
    );
  });

  test("and --explain agrees, rule by rule, for files and for earlier content", async (t) => {
    if (catalog === undefined) return t.skip("no PostgreSQL on this machine");
    const on = catalog;
    const rules = fc.array(rule, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(assets, extras, rules, protections, fc.nat(), async (all, extra, some, kept, pick) => {
        const { made, wanted } = await check(on, all, extra, some, kept);
        const one = all[pick % all.length] as ModelAsset;
        const text = one.kept === null ? one.path : `${one.path}@${made.fileId(one)}`;
        const said = await explainRetention(contextOf(on), made.name, text);
        const taker = wanted.find(({ id }) => id === one.id)?.rule;
        assert.equal(said.path, one.path);
        assert.equal(said.goes, taker !== undefined);
        assert.deepEqual(
          said.verdicts.filter(({ verdict }) => verdict === "deletes").map(({ rule: position }) => position),
          taker === undefined ? [] : [taker],
        );
        for (const { rule: position, verdict, reason } of said.verdicts) {
          const { enabled } = some[position - 1] as ModelRule;
          assert.equal(verdict === "off", !enabled);
          assert.equal(verdict === "gone", enabled && taker !== undefined && position > taker);
          assert.ok(reason.length > 3 && !/undefined|null|NaN|version/.test(reason), `${verdict}: ${reason}`);
        }
        await made.remove();
      }),
      randomly(20),
    );
  });

  test("on the embedded catalog as well", async () => {
    await using place = await temporaryCatalog();
    const rules = fc.array(rule, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(assets, extras, rules, protections, async (all, extra, some, kept) => {
        await (await check(place.catalog, all, extra, some, kept)).made.remove();
      }),
      randomly(6),
    );
  });
});
