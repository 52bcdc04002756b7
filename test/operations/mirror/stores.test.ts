import assert from "node:assert/strict";
import { rm, stat, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { openStore } from "../../../src/stores/providers.ts";
import { parseKey } from "../../../src/stores/key.ts";
import type { StoreConfig } from "../../../src/stores/providers.ts";
import { type Azurite, startAzurite } from "../../support/azurite.ts";
import { concurrently, readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import { failing, type FailingStore } from "../../support/failing-store.ts";
import { mirrorPlace, said, shown, type MirrorPlace, type MirrorReport } from "../../support/mirror.ts";
import { s3Cannot } from "../../support/s3-abilities.ts";
import { type S3Server, startS3 } from "../../support/s3-server.ts";

const MIB = 1024 * 1024;
// the emoji must not be next to a character that UTF-16 sorts differently: Azurite lists those in the wrong order
const odd = [
  "a b/ c",
  "100%/%41",
  "@scope/x-1.0.0.tgz",
  "\u{1f600}",
  "\u00e9",
  "e\u0301",
  "dir-2/x",
  "dir/x",
  "+&=?#'\"",
];

describe("mirror between stores", { concurrency: 1 }, () => {
  let s3: S3Server;
  let azurite: Azurite;
  let count = 0;
  before(async () => {
    [s3, azurite] = await Promise.all([startS3(), startAzurite()]);
    await Promise.all([s3.createBucket("mirror"), azurite.createContainer("mirror")]);
  });
  after(() => Promise.all([s3.stop(), azurite.stop()]));

  /** A new empty place for each call. */
  const bucket = (): StoreConfig => {
    const { endpoint, region, accessKey, secretKey } = s3;
    return {
      type: "s3",
      bucket: "mirror",
      targetPath: `t${++count}`,
      endpoint,
      region,
      accessKey,
      secretKey,
      pathStyle: true,
    };
  };
  const container = (): StoreConfig => {
    return {
      type: "azure",
      container: "mirror",
      targetPath: `t${++count}`,
      connectionString: azurite.connectionString,
    };
  };
  const folder = (at: MirrorPlace): StoreConfig => ({ type: "disk", path: at.path(`folder-${++count}`) });

  /** Runs a mirror that has nothing to do, and returns its calls for single blobs, by side. */
  /** Calls of source and target, in a dry run and in a mirror: whether the target has a marker. */
  const MARKERS_ONLY = [0, 1, 0, 1];

  async function callsOfNoOp(
    at: MirrorPlace,
    source: StoreConfig,
    target: StoreConfig,
  ): Promise<{ report: MirrorReport; calls: number[] }> {
    const opened: FailingStore[] = [];
    const wrap = (store: Awaited<ReturnType<typeof openStore>>) => {
      opened.push(failing(store, {}));
      return opened.at(-1)!;
    };
    const report = await at.mirror({ source, target, wrap, input: { noDelete: true } });
    return {
      report,
      calls: opened.map(({ calls }) => calls.head + calls.get + calls.put + calls.delete + calls.deleteMany),
    };
  }

  test("disk to S3 to Azure to disk keeps bytes, time, content type and metadata; second runs request no blob", async () => {
    await using at = await mirrorPlace();
    for (const [i, name] of odd.entries()) await at.write(`source/${name}`, `content of ${name}`, i);
    await at.write("source/empty", "");
    await at.write("source/large", someBytes(9 * MIB), 4.5);
    const [first, second, last] = [bucket(), container(), folder(at)];
    const chain = [at.source, first, second, last];
    const size = odd.length + 2;

    assert.equal((await at.mirror({ source: at.source, target: first })).summary.copied, size);
    // properties that only clouds store: they must be copied from cloud to cloud
    await using store = await openStore(first);
    const described = {
      contentType: "text/x-odd",
      cacheControl: "max-age=5",
      metadata: { owner: "ops", Größe: "groß" },
    };
    const modified = new Date("2021-02-03T04:05:06.789Z");
    const bytes = someBytes(100, 7);
    await store.put(parseKey("described"), sourceOf(bytes), {
      ifExists: "fail",
      sha256: sha256(bytes),
      modified,
      ...described,
    });

    assert.equal((await at.mirror({ source: first, target: second })).summary.copied, size + 1);
    await using azure = await openStore(second);
    const there = await azure.head(parseKey("described"));
    const { contentType, cacheControl, metadata } = there ?? {};
    assert.deepEqual({ contentType, cacheControl, metadata, modified: there?.modified }, { ...described, modified });
    assert.equal((await azure.head(parseKey("large")))?.modified.toISOString(), "2020-01-01T00:00:04.500Z");

    assert.equal((await at.mirror({ source: second, target: last })).summary.copied, size + 1);
    assert.equal((await stat(at.path("folder-3/described"))).mtime.toISOString(), modified.toISOString());
    assert.equal((await stat(at.path("folder-3/large"))).mtime.toISOString(), "2020-01-01T00:00:04.500Z");

    for (const [i, target] of chain.slice(1).entries()) {
      const { report, calls } = await callsOfNoOp(at, chain[i]!, target);
      assert.equal(report.summary.skipped, report.summary.total);
      assert.deepEqual(calls, MARKERS_ONLY, `from ${chain[i]!.type} to ${target.type}`);
    }
  });

  for (const [name, from, to] of [
    ["S3 to disk", bucket, folder],
    ["S3 to S3", bucket, bucket],
    ["Azure to S3", container, bucket],
    ["disk to Azure", undefined, container],
  ] as const) {
    test(`${name}: changes are copied, extras deleted, and the second run requests no blob`, async () => {
      await using at = await mirrorPlace();
      const source = from === undefined ? at.source : from();
      const target = to(at);
      await using store = await openStore(source);
      const put = async (key: string, seed: number, size = 50) => {
        const bytes = someBytes(size, seed);
        await store.put(parseKey(key), sourceOf(bytes), {
          ifExists: "replace",
          sha256: sha256(bytes),
          modified: new Date(1e12 + seed),
        });
      };
      for (const [i, key] of ["kept", "changed", "goes", "a/deep/one", "a-1", "large"].entries())
        await put(key, i, i === 5 ? 9 * MIB : 50);
      assert.equal((await at.mirror({ source, target })).summary.copied, 6);
      await put("changed", 90);
      await put("new", 91);
      await store.delete(parseKey("goes"));
      const report = await at.mirror({ source, target });
      assert.deepEqual(
        said(report)
          .filter((each) => !each.endsWith("skipped"))
          .map((each) => each.replace(/: (changed|newer|older)/, ": other")),
        ["changed: other copied", "goes: extra deleted", "goes: extra extra", "new: lonely copied"],
      );
      assert.deepEqual((await callsOfNoOp(at, source, target)).calls, MARKERS_ONLY);

      await rm(at.path("data/mirrors"), { recursive: true });
      const forgetful = await at.mirror({ source, target });
      assert.equal(forgetful.summary.skipped, 6, "without its memory a mirror looks, and copies nothing");
    });
  }

  test("a broken run keeps the proofs of an earlier one", async () => {
    await using at = await mirrorPlace();
    const target = bucket();
    for (const key of ["a", "b", "c", "d"]) await at.write(`source/${key}`, key);
    await at.mirror({ target });
    const broken = { listAfter: { entries: 2, times: Infinity } };
    const wrap = (store: Awaited<ReturnType<typeof openStore>>, end: string) =>
      end === "source" ? failing(store, broken) : store;
    assert.equal((await at.mirror({ target, wrap })).error?.code, "unavailable");
    assert.deepEqual((await callsOfNoOp(at, at.source, target)).calls, MARKERS_ONLY);
  });

  test("the time of an upload to S3 is not used as the file's time", async () => {
    await using at = await mirrorPlace();
    const target = bucket();
    await at.write("source/a", "one");
    await at.write("source/b", "one");
    await at.mirror({ target });
    await at.write("source/a", "longer", 60);
    await at.write("source/b", "longer", -60);
    const report = await at.mirror({ target, compare: { leave: new Set(["older"]) } });
    assert.deepEqual(said(report), ["a: newer copied", "b: older skipped"]);
  });

  test("equal size and time, other bytes on S3: found with --checksum, without reading blobs whose hash S3 knows", async () => {
    await using at = await mirrorPlace();
    const target = bucket();
    await at.write("source/a", "good");
    await at.mirror({ target });
    await at.write("source/a", "evil");
    assert.deepEqual(said(await at.mirror({ target, compare: { checksum: true } })), ["a: changed copied"]);
    await at.write("source/a", "evil", 60);
    assert.deepEqual(
      said(await at.mirror({ target })),
      ["a: tweaked skipped"],
      "a file that was only touched is not sent",
    );
  });

  /** Eight blobs; the keys of some are below those of others. */
  async function putTwins(config: StoreConfig): Promise<void> {
    await using store = await openStore(config);
    for (const key of ["a", "a-", "a.x", "a/b", "a/c/d", "ab", "b/c", "b"])
      await store.put(parseKey(key), sourceOf(someBytes(5)), { ifExists: "fail", sha256: sha256(someBytes(5)) });
  }

  test("a bucket holds `a` and `a/b`, a disk cannot: `a` is copied, the rest are mismatches, in a dry run too", async () => {
    await using at = await mirrorPlace();
    const source = container();
    await putTwins(source);
    await at.write("target/extra", "x");
    const expected = [
      "a-: lonely copied",
      "a.x: lonely copied",
      "a/b: mismatched mismatch",
      "a/c/d: mismatched mismatch",
      "a: lonely copied",
      "ab: lonely copied",
      "b/c: mismatched mismatch",
      "b: lonely copied",
      "extra: extra deleted",
      "extra: extra extra",
    ];
    assert.deepEqual(said(await at.mirror({ source, input: { concurrency: 32 } })), expected);
    const again = expected.slice(0, -2).map((each) => each.replace("lonely copied", "same skipped"));
    assert.deepEqual(said(await at.mirror({ source })), again);
    assert.equal((await at.mirror({ source, target: container() })).summary.copied, 8);
  });

  const noTwins = s3Cannot("keep an object and others below its name");
  test("`a` and `a/b` are copied from a container to a bucket", { skip: noTwins }, async () => {
    await using at = await mirrorPlace();
    const source = container();
    await putTwins(source);
    assert.equal((await at.mirror({ source, target: bucket() })).summary.copied, 8);
  });

  test("more blobs than a page of a listing, deletes in batches, and a trash in a bucket", async () => {
    await using at = await mirrorPlace();
    const target = bucket();
    await using store = await openStore(target);
    const empty = { ifExists: "fail" as const, sha256: sha256(Buffer.alloc(0)) };
    await concurrently(
      16,
      Array.from({ length: 1100 }, (_, i) => i),
      (i) => store.put(parseKey(`n/${i}`), sourceOf(Buffer.alloc(0)), empty),
    );
    await at.write("source/n/7", "");
    assert.equal((await at.mirror({ target, input: { maxDelete: undefined } })).error?.code, "refused");
    const report = await at.mirror({ target });
    assert.deepEqual([report.summary.deleted, report.summary.skipped + report.summary.copied], [1099, 1]);

    await at.write("source/n/7", "changed");
    await at.write("source/n/8", "extra soon");
    await at.mirror({ target });
    await rm(at.path("source/n/8"));
    await writeFile(at.path("source/n/7"), "changed again");
    await at.mirror({ target, input: { trash: "trash" } });
    const kept = [...(await shown(target)).keys()].filter((key) => key.startsWith("trash/"));
    const texts = await Promise.all(
      kept.map(async (key) => (await readAll(await store.get(parseKey(key)))).toString()),
    );
    assert.deepEqual(texts.toSorted(), ["changed", "extra soon"]);
  });

  test("a bucket or container that does not exist is not-found, at either end", async () => {
    await using at = await mirrorPlace();
    await at.write("source/a", "x");
    await at.write("target/precious", "x");
    const missing = [
      { ...bucket(), bucket: "missing" },
      { ...container(), container: "missing" },
    ] as StoreConfig[];
    for (const config of missing) {
      const context = { source: config, target: at.target };
      await assert.rejects(at.mirror(context), { code: "not-found" });
    }
    assert.deepEqual([...(await shown(at.target)).keys()], ["precious"]);
  });
});
