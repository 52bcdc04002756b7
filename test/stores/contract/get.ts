import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import type { BlobInfo, ByteRange } from "../../../src/stores/store.ts";
import { readAll, someBytes } from "../../support/bytes.ts";
import type { ContractCase } from "./contract.ts";
import { blobsOf, hasCode, LARGE, MIB, putBytes } from "./put.ts";

const ranges: { name: string; range: ByteRange }[] = [
  { name: "the first byte", range: { start: 0, end: 1 } },
  { name: "from the start to the end", range: { start: 0 } },
  { name: "the middle", range: { start: 100, end: 900 } },
  { name: "the last byte", range: { start: 999, end: 1000 } },
  { name: "from the middle to the end", range: { start: 500 } },
  { name: "an end beyond the size is clamped", range: { start: 990, end: 5000 } },
];

export const getCases = {
  "get of a missing key is not-found before any data": {
    async run({ store, key }) {
      await assert.rejects(store.get(key("missing")), hasCode("not-found"));
      await assert.rejects(store.get(key("missing"), { range: { start: 0, end: 10 } }), hasCode("not-found"));
      await assert.rejects(store.get(key("deep/missing")), hasCode("not-found"));
    },
  },
  "head of a missing key is undefined": {
    async run({ store, key }) {
      await putBytes(store, key("dir/file"), someBytes(1));
      assert.equal(await store.head(key("missing")), undefined);
      assert.equal(await store.head(key("deep/missing")), undefined);
      assert.equal(await store.head(key("dir")), undefined, "a folder is not a blob");
    },
  },
  "a folder is not found as a blob": {
    async run({ store, key }) {
      await putBytes(store, key("dir/file"), someBytes(1));
      await assert.rejects(store.get(key("dir")), hasCode("not-found"));
      await store.delete(key("dir"));
      assert.equal((await store.head(key("dir/file")))?.size, 1);
    },
  },
  "ranges deliver exactly their bytes": {
    async run({ store, key }) {
      const bytes = someBytes(1000);
      await putBytes(store, key("x"), bytes);
      for (const { name, range } of ranges) {
        const part = await readAll(await store.get(key("x"), { range }));
        assert.deepEqual(part, bytes.subarray(range.start, range.end), name);
      }
    },
  },
  "a range across the parts of a large blob": {
    async run({ store, key }) {
      const bytes = someBytes(LARGE);
      await putBytes(store, key("x"), bytes);
      const part = await readAll(await store.get(key("x"), { range: { start: 5 * MIB - 1, end: 8 * MIB + 2 } }));
      assert.ok(part.equals(bytes.subarray(5 * MIB - 1, 8 * MIB + 2)));
    },
  },
  "a range that starts at or past the end is a usage error": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(1000));
      await putBytes(store, key("empty"), someBytes(0));
      await assert.rejects(store.get(key("x"), { range: { start: 1000 } }), hasCode("usage"));
      await assert.rejects(store.get(key("x"), { range: { start: 5000, end: 6000 } }), hasCode("usage"));
      await assert.rejects(store.get(key("empty"), { range: { start: 0 } }), hasCode("usage"));
    },
  },
  "an empty, backward or negative range is a usage error": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(1000));
      for (const range of [{ start: 5, end: 5 }, { start: 5, end: 4 }, { start: -1 }, { start: 0.5 }]) {
        await assert.rejects(store.get(key("x"), { range }), hasCode("usage"));
      }
    },
  },
  "a reader may stop early": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(LARGE));
      const stream = await store.get(key("x"));
      for await (const chunk of stream) {
        assert.ok((chunk as Buffer).length > 0);
        break;
      }
      // Not events.once, which would reject: leaving the loop early destroys the stream with an AbortError.
      if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
      assert.equal((await store.head(key("x")))?.size, LARGE);
    },
  },
  "many readers read one blob at once": {
    async run({ store, key }) {
      const bytes = someBytes(MIB);
      await putBytes(store, key("x"), bytes);
      const all = await Promise.all(Array.from({ length: 10 }, async () => readAll(await store.get(key("x")))));
      for (const read of all) assert.ok(read.equals(bytes));
    },
  },
  "an aborted signal stops head, get, list and delete": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(10));
      const signal = AbortSignal.abort();
      await assert.rejects(store.head(key("x"), { signal }), hasCode("interrupted"));
      await assert.rejects(store.get(key("x"), { signal }), hasCode("interrupted"));
      await assert.rejects(store.delete(key("x"), { signal }), hasCode("interrupted"));
      await assert.rejects(blobsOf(store, "", signal), hasCode("interrupted"));
      assert.equal((await store.head(key("x")))?.size, 10);
    },
  },
  "a read aborted half-way errors the stream with interrupted": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(LARGE));
      const controller = new AbortController();
      const stream = await store.get(key("x"), { signal: controller.signal });
      const reading = (async () => {
        for await (const chunk of stream) {
          assert.ok((chunk as Buffer).length > 0);
          controller.abort();
        }
      })();
      await assert.rejects(reading, hasCode("interrupted"));
    },
  },
  "get calls onInfo once, before the first byte, with what head returns": {
    async run({ store, key }) {
      const described = {
        modified: new Date("2019-03-04T05:06:07Z"),
        contentType: "text/plain",
        cacheControl: "no-cache",
        metadata: { colour: "blue" },
      };
      for (const length of [0, 1000, LARGE]) {
        const bytes = someBytes(length);
        await putBytes(store, key("x"), bytes, { ...described, ifExists: "replace" });
        for (const range of [undefined, { start: 10 }, { start: 10, end: 20 }]) {
          if (range !== undefined && length === 0) continue;
          const reported: BlobInfo[] = [];
          const stream = await store.get(key("x"), { range, onInfo: (info) => reported.push(info) });
          assert.equal(reported.length, 1, "it is called before the stream is read");
          const read = await readAll(stream);
          assert.ok(read.equals(bytes.subarray(range?.start, range?.end)));
          assert.equal(reported.length, 1);
          assert.deepEqual(known(reported[0]), known(await store.head(key("x"))));
        }
      }
    },
  },
  "get of a missing key or an impossible range does not call onInfo": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(10));
      const onInfo = () => assert.fail("onInfo was called");
      await assert.rejects(store.get(key("missing"), { onInfo }), hasCode("not-found"));
      await assert.rejects(store.get(key("x"), { range: { start: 10 }, onInfo }), hasCode("usage"));
    },
  },
  "the known version from list or head is read, whole or in ranges": {
    async run({ store, key }) {
      const bytes = someBytes(1000);
      await putBytes(store, key("x y+z%41"), bytes);
      const [listed] = await blobsOf(store, key("x y+z%41"));
      for (const blob of [listed, await store.head(key("x y+z%41"))]) {
        assert.ok(blob?.tag !== undefined);
        assert.ok((await readAll(await store.get(blob.key, { known: blob }))).equals(bytes));
        const part = await readAll(await store.get(blob.key, { known: blob, range: { start: 5, end: 50 } }));
        assert.ok(part.equals(bytes.subarray(5, 50)));
      }
    },
  },
  "a blob that is no longer the known version is corrupt, whole or in ranges": {
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(1000, 1));
      const before = await store.head(key("x"));
      await putBytes(store, key("x"), someBytes(1000, 2), { ifExists: "replace" });
      for (const range of [undefined, { start: 5 }, { start: 5, end: 50 }]) {
        const reading = async () => readAll(await store.get(key("x"), { known: before, range }));
        await assert.rejects(reading(), hasCode("corrupt"));
      }
      await store.delete(key("x"));
      const missing = async () => readAll(await store.get(key("x"), { known: before }));
      await assert.rejects(missing(), hasCode("not-found"));
    },
  },
  "the file at the local path, if there is one, has the bytes": {
    async run({ store, key, t }) {
      if (store.localPath === undefined) return t.skip("the store has no local paths");
      await putBytes(store, key("dir/x"), someBytes(1000));
      assert.deepEqual(await readFile(store.localPath(key("dir/x"))), someBytes(1000));
    },
  },
} satisfies Record<string, ContractCase>;

/** Removes undefined entries, so that an absent entry equals an undefined one. */
function known(blob: BlobInfo | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(blob ?? {}).filter(([, value]) => value !== undefined));
}
