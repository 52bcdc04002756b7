import assert from "node:assert/strict";
import { FeedctlError } from "../../../src/errors.ts";
import type { ErrorCode } from "../../../src/errors.ts";
import type { Key } from "../../../src/lib/key.ts";
import type { BlobInfo, PutOptions, PutOutcome, Store } from "../../../src/stores/store.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import type { ContractCase } from "./contract.ts";

export const MIB = 1024 * 1024;

/** Too large for one request in every adapter, and no larger: sending and hashing it is most of what the contract costs. */
export const LARGE = 9 * MIB + 3;

export async function putBytes(
  store: Store,
  key: Key,
  bytes: Buffer,
  options: Partial<PutOptions> = {},
): Promise<PutOutcome> {
  const source = sourceOf(bytes);
  const { outcome } = await store.put(key, source, { ifExists: "fail", sha256: sha256(bytes), ...options });
  await source.settled();
  return outcome;
}

export async function blobsOf(store: Store, prefix: string, signal?: AbortSignal): Promise<BlobInfo[]> {
  const blobs: BlobInfo[] = [];
  for await (const blob of store.list(prefix, { signal })) blobs.push(blob);
  return blobs;
}

export async function keysOf(store: Store, prefix: string): Promise<string[]> {
  return (await blobsOf(store, prefix)).map((blob) => blob.key);
}

export function hasCode(code: ErrorCode): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof FeedctlError, `expected a FeedctlError, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return true;
  };
}

/** Asserts that a failed put has left nothing visible below the prefix. */
async function nothingVisible(store: Store, prefix: string, key: Key): Promise<void> {
  assert.equal(await store.head(key), undefined);
  assert.deepEqual(await keysOf(store, prefix), []);
  await assert.rejects(store.get(key), hasCode("not-found"));
}

async function stillHolds(store: Store, key: Key, bytes: Buffer): Promise<void> {
  assert.equal((await store.head(key))?.size, bytes.length);
  assert.ok((await readAll(await store.get(key))).equals(bytes), "the content has changed");
}

function roundTrip(length: number): ContractCase {
  return {
    async run({ store, key, prefix }) {
      const bytes = someBytes(length, 7);
      assert.equal(await putBytes(store, key("blob.bin"), bytes), "created");
      assert.ok((await readAll(await store.get(key("blob.bin")))).equals(bytes), "other bytes came back");
      assert.equal((await store.head(key("blob.bin")))?.size, length);
      for await (const blob of store.list(prefix)) assert.deepEqual([blob.key, blob.size], [key("blob.bin"), length]);
      assert.deepEqual(await keysOf(store, prefix), [key("blob.bin")]);
    },
  };
}

function failsHalfWay(length: number): ContractCase {
  return {
    async run({ store, key, prefix }) {
      for (const ifExists of ["fail", "replace"] as const) {
        const bytes = someBytes(length);
        const error = new FeedctlError("denied", "the source may not be read any further");
        const source = sourceOf(bytes, { fault: { at: Math.floor(length / 2), error } });
        await assert.rejects(store.put(key("x"), source, { ifExists, sha256: sha256(bytes) }), hasCode("denied"));
        await source.settled();
        await nothingVisible(store, prefix, key("x"));
      }
    },
  };
}

function abortedHalfWay(length: number): ContractCase {
  return {
    async run({ store, key, prefix }) {
      const bytes = someBytes(length);
      const controller = new AbortController();
      const source = sourceOf(bytes, { fault: { at: Math.floor(length / 2), reached: () => controller.abort() } });
      const options = { ifExists: "fail", sha256: sha256(bytes), signal: controller.signal } as const;
      await assert.rejects(store.put(key("x"), source, options), hasCode("interrupted"));
      await source.settled();
      await nothingVisible(store, prefix, key("x"));
    },
  };
}

function wrongLength(length: number, promised: number): ContractCase {
  return {
    async run({ store, key, prefix }) {
      const bytes = someBytes(length);
      const source = sourceOf(bytes, { size: promised });
      await assert.rejects(
        store.put(key("x"), source, { ifExists: "fail", sha256: sha256(bytes) }),
        hasCode("corrupt"),
      );
      await source.settled();
      await nothingVisible(store, prefix, key("x"));
    },
  };
}

/** Runs several writers of one key at once, one for each content; returns their results. */
async function race(store: Store, key: Key, contents: readonly Buffer[], ifExists: PutOptions["ifExists"]) {
  return Promise.allSettled(contents.map((bytes) => putBytes(store, key, bytes, { ifExists })));
}

function createRace(writers: number, length: number): ContractCase {
  return {
    needs: "atomicCreate",
    async run({ store, key }) {
      for (let round = 0; round < 3; round++) {
        const contents = Array.from({ length: writers }, (_, i) => someBytes(length, i + 1));
        const results = await race(store, key(`x${round}`), contents, "fail");
        const winners = results.flatMap((result, i) => (result.status === "fulfilled" ? [i] : []));
        assert.equal(winners.length, 1, `${winners.length} writers believe they created the blob`);
        assert.deepEqual(results[winners[0]!], { status: "fulfilled", value: "created" });
        for (const result of results) if (result.status === "rejected") hasCode("conflict")(result.reason);
        await stillHolds(store, key(`x${round}`), contents[winners[0]!]!);
      }
    },
  };
}

export const putCases = {
  "an empty blob": roundTrip(0),
  "a blob of one byte": roundTrip(1),
  "a small blob": roundTrip(3000),
  "a blob of 5 MiB and one byte": roundTrip(5 * MIB + 1),
  "a blob of 8 MiB": roundTrip(8 * MIB),
  "a blob of 20 MiB and three bytes": roundTrip(20 * MIB + 3),

  "the same bytes again are unchanged and left alone": {
    async run({ store, key }) {
      const bytes = someBytes(1000);
      await putBytes(store, key("x"), bytes, { modified: new Date("2020-01-01T00:00:00Z") });
      const before = await store.head(key("x"));
      assert.equal(await putBytes(store, key("x"), bytes, { modified: new Date("2024-01-01T00:00:00Z") }), "unchanged");
      const after = await store.head(key("x"));
      assert.deepEqual([after?.tag, after?.modified], [before?.tag, before?.modified]);
    },
  },
  "the same large blob again are unchanged": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(LARGE));
      assert.equal(await putBytes(store, key("x"), someBytes(LARGE)), "unchanged");
    },
  },
  "an empty blob again is unchanged": {
    async run({ store, key }) {
      await putBytes(store, key("x"), Buffer.alloc(0));
      assert.equal(await putBytes(store, key("x"), Buffer.alloc(0)), "unchanged");
    },
  },
  "other bytes of the same length conflict and change nothing": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(1000, 1));
      const before = await store.head(key("x"));
      await assert.rejects(putBytes(store, key("x"), someBytes(1000, 2)), hasCode("conflict"));
      await stillHolds(store, key("x"), someBytes(1000, 1));
      assert.deepEqual(await store.head(key("x")), before);
    },
  },
  "other large bytes conflict and change nothing": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(LARGE, 1));
      await assert.rejects(putBytes(store, key("x"), someBytes(LARGE, 2)), hasCode("conflict"));
      await stillHolds(store, key("x"), someBytes(LARGE, 1));
    },
  },
  "replace swaps the content": {
    async run({ store, key, prefix }) {
      assert.equal(await putBytes(store, key("x"), someBytes(1000, 1), { ifExists: "replace" }), "created");
      const before = await store.head(key("x"));
      assert.equal(await putBytes(store, key("x"), someBytes(700, 2), { ifExists: "replace" }), "replaced");
      await stillHolds(store, key("x"), someBytes(700, 2));
      assert.notEqual((await store.head(key("x")))?.tag, before?.tag, "the tag must change with the content");
      assert.deepEqual(await keysOf(store, prefix), [key("x")]);
    },
  },
  "replace swaps a large blob for a small one and back": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(LARGE, 1));
      assert.equal(await putBytes(store, key("x"), someBytes(10, 2), { ifExists: "replace" }), "replaced");
      await stillHolds(store, key("x"), someBytes(10, 2));
      assert.equal(await putBytes(store, key("x"), someBytes(LARGE, 3), { ifExists: "replace" }), "replaced");
      await stillHolds(store, key("x"), someBytes(LARGE, 3));
    },
  },
  "put returns the tag that head returns": {
    async run({ store, key }) {
      for (const length of [10, LARGE]) {
        const bytes = someBytes(length);
        const options = { ifExists: "replace", sha256: sha256(bytes) } as const;
        const { tag } = await store.put(key("x"), sourceOf(bytes), options);
        assert.ok(tag !== undefined, "put returned no tag");
        assert.equal((await store.head(key("x")))?.tag, tag);
        for await (const blob of store.list(key("x"))) assert.equal(blob.tag, tag);
      }
    },
  },

  "a wrong promised sha256 is corrupt and nothing is visible": {
    async run({ store, key, prefix }) {
      for (const length of [0, 1000, LARGE]) {
        for (const ifExists of ["fail", "replace"] as const) {
          const source = sourceOf(someBytes(length));
          const options = { ifExists, sha256: sha256(Buffer.from("other")) };
          await assert.rejects(store.put(key("x"), source, options), hasCode("corrupt"));
          await nothingVisible(store, prefix, key("x"));
        }
      }
    },
  },
  "a corrupt replacement leaves the old content": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(1000, 1));
      for (const length of [1000, LARGE]) {
        const options = { ifExists: "replace", sha256: sha256(Buffer.from("other")) } as const;
        await assert.rejects(store.put(key("x"), sourceOf(someBytes(length, 2)), options), hasCode("corrupt"));
        await stillHolds(store, key("x"), someBytes(1000, 1));
      }
    },
  },
  "without a promised sha256 the put returns it": {
    async run({ store, key }) {
      for (const length of [0, 1000, LARGE]) {
        const bytes = someBytes(length);
        const put = await store.put(key("x"), sourceOf(bytes), { ifExists: "replace" });
        assert.equal(put.sha256, sha256(bytes));
        if (store.features.metadata) assert.equal((await store.head(key("x")))?.sha256, sha256(bytes));
        await stillHolds(store, key("x"), bytes);
        const { sha256: found } = await store.put(key("x"), sourceOf(bytes), {
          ifExists: "replace",
          sha256: sha256(bytes),
        });
        assert.equal(found, sha256(bytes));
      }
    },
  },
  "without a promised sha256 a wrong size is still corrupt": {
    async run({ store, key, prefix }) {
      for (const [length, size] of [
        [1000, 1001],
        [1000, 999],
        [0, 1],
        [LARGE, LARGE + 1],
      ] as const) {
        const put = store.put(key("x"), sourceOf(someBytes(length), { size }), { ifExists: "fail" });
        await assert.rejects(put, hasCode("corrupt"));
        await nothingVisible(store, prefix, key("x"));
      }
    },
  },
  "without a promised sha256 the same bytes are unchanged and others conflict": {
    async run({ store, key }) {
      for (const length of [1000, LARGE]) {
        const name = key(`x${length}`);
        const bytes = someBytes(length, 1);
        assert.equal((await store.put(name, sourceOf(bytes), { ifExists: "fail" })).outcome, "created");
        const again = await store.put(name, sourceOf(bytes), { ifExists: "fail" });
        assert.deepEqual([again.outcome, again.sha256], ["unchanged", sha256(bytes)]);
        const other = store.put(name, sourceOf(someBytes(length, 2)), { ifExists: "fail" });
        await assert.rejects(other, hasCode("conflict"));
        await stillHolds(store, name, bytes);
      }
    },
  },
  "a blob that need not be durable is stored": {
    async run({ store, key }) {
      const bytes = someBytes(1000);
      assert.equal(await putBytes(store, key("a/b/x"), bytes, { durable: false }), "created");
      assert.equal(await putBytes(store, key("a/b/x"), bytes, { durable: false }), "unchanged");
      await stillHolds(store, key("a/b/x"), bytes);
    },
  },

  "a source one byte too short is corrupt": wrongLength(1000, 1001),
  "a source one byte too long is corrupt": wrongLength(1000, 999),
  "a source that promised nothing is corrupt": wrongLength(1000, 0),
  "a large source one byte too short is corrupt": wrongLength(LARGE, LARGE + 1),
  "a large source one byte too long is corrupt": wrongLength(LARGE, LARGE - 1),
  "an empty source that promised a byte is corrupt": wrongLength(0, 1),
  "a source that ends after what it promised is corrupt though the hash fits": {
    async run({ store, key, prefix }) {
      const bytes = someBytes(1000);
      const source = sourceOf(bytes, { size: 600 });
      const options = { ifExists: "fail", sha256: sha256(bytes.subarray(0, 600)) } as const;
      await assert.rejects(store.put(key("x"), source, options), hasCode("corrupt"));
      await nothingVisible(store, prefix, key("x"));
    },
  },
  "a small source that fails half-way leaves nothing": failsHalfWay(3000),
  "a large source that fails half-way leaves nothing": failsHalfWay(LARGE),
  "a source that cannot be opened leaves nothing": {
    async run({ store, key, prefix }) {
      const open = () => Promise.reject(new FeedctlError("not-found", "the source does not exist"));
      for (const size of [10, LARGE]) {
        const options = { ifExists: "fail", sha256: sha256(Buffer.from("x")) } as const;
        await assert.rejects(store.put(key("x"), { size, open }, options), hasCode("not-found"));
        await nothingVisible(store, prefix, key("x"));
      }
    },
  },
  "a small put aborted half-way is interrupted and leaves nothing": abortedHalfWay(3000),
  "a large put aborted half-way is interrupted and leaves nothing": abortedHalfWay(LARGE),
  "a put aborted before it begins is interrupted": {
    async run({ store, key, prefix }) {
      const options = { ifExists: "fail", sha256: sha256(Buffer.from("x")), signal: AbortSignal.abort() } as const;
      await assert.rejects(store.put(key("x"), sourceOf(Buffer.from("x")), options), hasCode("interrupted"));
      await nothingVisible(store, prefix, key("x"));
    },
  },

  "of several creators of one key exactly one wins": createRace(8, 100_000),
  "of several creators of one large key exactly one wins": createRace(3, 9 * MIB),
  "several creators with the same bytes all succeed": {
    needs: "atomicCreate",
    async run({ store, key }) {
      const bytes = someBytes(100_000);
      const results = await race(
        store,
        key("x"),
        Array.from({ length: 8 }, () => bytes),
        "fail",
      );
      const outcomes = results.map((result) => (result.status === "fulfilled" ? result.value : String(result.reason)));
      assert.deepEqual(outcomes.sort(), ["created", ...Array.from({ length: 7 }, () => "unchanged")]);
      await stillHolds(store, key("x"), bytes);
    },
  },
  "of several replacers one wins whole": {
    async run({ store, key, prefix }) {
      await putBytes(store, key("x"), Buffer.from("old"));
      const contents = Array.from({ length: 6 }, (_, i) => someBytes(MIB + i, i + 1));
      const results = await race(store, key("x"), contents, "replace");
      for (const result of results) assert.deepEqual(result, { status: "fulfilled", value: "replaced" });
      const final = await readAll(await store.get(key("x")));
      assert.ok(
        contents.some((bytes) => bytes.equals(final)),
        "the blob is a mixture",
      );
      assert.deepEqual(await keysOf(store, prefix), [key("x")]);
    },
  },

  "the time of modification is kept to the second": {
    async run({ store, key }) {
      const modified = new Date("2019-03-04T05:06:07Z");
      for (const length of [10, LARGE]) {
        await putBytes(store, key("x"), someBytes(length), { modified, ifExists: "replace" });
        const seconds = Math.floor(((await store.head(key("x")))?.modified.getTime() ?? 0) / 1000);
        assert.equal(seconds, modified.getTime() / 1000);
      }
    },
  },
  "without a time of modification it is the time of storing": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(10));
      const age = Date.now() - ((await store.head(key("x")))?.modified.getTime() ?? 0);
      assert.ok(Math.abs(age) < 60_000, `the blob claims to be ${age} ms old`);
    },
  },
  "content type, cache-control and other headers, sha256 and user metadata are kept": {
    needs: "metadata",
    async run({ store, key }) {
      const described = {
        contentType: "text/plain; charset=utf-8",
        cacheControl: "public, max-age=60",
        headers: {
          contentEncoding: "gzip",
          contentDisposition: 'attachment; filename="x.js"',
          contentLanguage: "de, en",
        },
        metadata: { colour: "blue", build: "42" },
      };
      for (const length of [10, LARGE]) {
        const bytes = someBytes(length);
        await putBytes(store, key("x"), bytes, { ...described, ifExists: "replace" });
        const blob = await store.head(key("x"));
        assert.equal(blob?.sha256, sha256(bytes));
        assert.equal(blob?.contentType, described.contentType);
        assert.equal(blob?.cacheControl, described.cacheControl);
        assert.deepEqual(blob?.headers, described.headers);
        assert.deepEqual(blob?.metadata, described.metadata);
        for await (const listed of store.features.listsAll ? store.list(key("x")) : [])
          assert.deepEqual(listed.headers, described.headers);
      }
    },
  },
  "user metadata keeps mixed-case names, dashes and any Unicode value": {
    needs: "metadata",
    async run({ store, key }) {
      const metadata = { "Build-Number": "7", "X_Owner.Name": 'Zoë  & 雪 100% "q" 😀 ', empty: "" };
      await putBytes(store, key("x"), someBytes(10), { metadata });
      assert.deepEqual((await store.head(key("x")))?.metadata, metadata);
    },
  },
  "replace without metadata forgets the old metadata": {
    needs: "metadata",
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(10), {
        metadata: { colour: "blue" },
        cacheControl: "no-cache",
        headers: { contentEncoding: "gzip" },
      });
      await putBytes(store, key("x"), someBytes(11), { ifExists: "replace" });
      const blob = await store.head(key("x"));
      assert.deepEqual([blob?.metadata ?? {}, blob?.cacheControl, blob?.headers], [{}, undefined, undefined]);
    },
  },
} satisfies Record<string, ContractCase>;
