import assert from "node:assert/strict";
import type { Key } from "../../../src/lib/key.ts";
import type { BlobInfo, PutOptions, PutResult, RemoteBlob, Store } from "../../../src/stores/store.ts";
import { readAll, sha256, someBytes } from "../../support/bytes.ts";
import type { ContractCase } from "./contract.ts";
import { hasCode, keysOf, LARGE, putBytes } from "./put.ts";

async function remoteOf(store: Store, key: Key): Promise<RemoteBlob> {
  const blob = await store.head(key);
  assert.ok(blob !== undefined);
  assert.ok(store.remote !== undefined, "a store with copyFrom must have remote");
  return store.remote(blob);
}

/** Copies a blob. Fails the case if the store declines: it claims `copyFrom`. */
async function copied(store: Store, key: Key, from: RemoteBlob, options: Partial<PutOptions> = {}): Promise<PutResult> {
  assert.equal(store.reaches?.(from), true, "the store does not reach the blob");
  const whole = { ifExists: "fail", sha256: from.blob.sha256, md5: from.blob.md5, ...options } as const;
  const result = await store.copyFrom!(key, from, whole);
  assert.ok(result !== undefined, "the copy was declined");
  return result;
}

async function holds(store: Store, key: Key, bytes: Buffer): Promise<void> {
  assert.ok((await readAll(await store.get(key))).equals(bytes), "other bytes came back");
}

function copies(length: number): ContractCase {
  return {
    needs: "copyFrom",
    async run({ store, key, openEmpty }) {
      const bytes = someBytes(length, 3);
      const other = await openEmpty();
      await putBytes(other, key("from.bin"), bytes);
      for (const [source, name] of [
        [other, "from.bin"],
        [store, "again.bin"],
      ] as const) {
        if (source === store) await putBytes(store, key(name), bytes);
        const result = await copied(store, key(`to-${name}`), await remoteOf(source, key(name)));
        assert.equal(result.outcome, "created");
        assert.equal(result.sha256, sha256(bytes));
        const blob = await store.head(key(`to-${name}`));
        assert.deepEqual([blob?.size, blob?.sha256, blob?.tag], [length, sha256(bytes), result.tag]);
        await holds(store, key(`to-${name}`), bytes);
        await holds(source, key(name), bytes);
      }
    },
  };
}

export const copyCases = {
  "a copy of an empty blob": copies(0),
  "a copy of a small blob": copies(3000),
  "a copy of a large blob": copies(LARGE),

  "a copy is described by the options, not by its source": {
    needs: "copyFrom",
    async run({ store, key }) {
      const described = {
        modified: new Date("2019-03-04T05:06:07Z"),
        contentType: "text/new",
        cacheControl: "public, max-age=60",
        headers: { contentEncoding: "gzip", contentDisposition: "inline" },
        metadata: { colour: "blue", "Mixed Case": "Zoë 雪" },
      };
      for (const length of [10, LARGE]) {
        const bytes = someBytes(length);
        const old = {
          contentType: "text/old",
          metadata: { shade: "dark" },
          modified: new Date("2001-01-01T00:00:00Z"),
        };
        await putBytes(store, key(`from${length}`), bytes, old);
        await copied(store, key(`to${length}`), await remoteOf(store, key(`from${length}`)), described);
        const blob = await store.head(key(`to${length}`));
        const { modified, contentType, cacheControl, headers, metadata } = blob!;
        assert.deepEqual({ modified, contentType, cacheControl, headers, metadata }, described);
        assert.equal(blob?.sha256, sha256(bytes));
      }
    },
  },
  "keys with special characters are copied": {
    needs: "copyFrom",
    async run({ store, key }) {
      const names = ["a b/c+d.tgz", "100%41", "é/雪 😀.bin", "q?x=1&y#z", "!'()*~"];
      for (const [i, name] of names.entries()) {
        await putBytes(store, key(name), someBytes(100, i + 1));
        await copied(store, key(`to/${name}`), await remoteOf(store, key(name)));
        await holds(store, key(`to/${name}`), someBytes(100, i + 1));
      }
    },
  },
  "a source that has changed is corrupt, and nothing is visible": {
    needs: "copyFrom",
    async run({ store, key, prefix }) {
      for (const length of [1000, LARGE]) {
        await putBytes(store, key("x"), someBytes(length, 1), { ifExists: "replace" });
        const from = await remoteOf(store, key("x"));
        await putBytes(store, key("x"), someBytes(length, 2), { ifExists: "replace" });
        await assert.rejects(copied(store, key("to"), from), hasCode("corrupt"));
        assert.equal(await store.head(key("to")), undefined);
      }
      assert.deepEqual(await keysOf(store, prefix), [key("x")]);
      const from = await remoteOf(store, key("x"));
      await store.delete(key("x"));
      await assert.rejects(copied(store, key("to"), from), hasCode("not-found"));
      assert.deepEqual(await keysOf(store, prefix), []);
    },
  },
  "a copy onto the same bytes is unchanged, onto other bytes a conflict or a replacement": {
    needs: "copyFrom",
    async run({ store, key }) {
      for (const length of [1000, LARGE]) {
        await putBytes(store, key("from"), someBytes(length, 1), { ifExists: "replace" });
        const from = await remoteOf(store, key("from"));
        const same = key(`same${length}`);
        const other = key(`other${length}`);
        await putBytes(store, same, someBytes(length, 1));
        await putBytes(store, other, someBytes(length, 2));
        const before = await store.head(same);
        assert.deepEqual([(await copied(store, same, from)).outcome, await store.head(same)], ["unchanged", before]);
        await assert.rejects(copied(store, other, from), hasCode("conflict"));
        await holds(store, other, someBytes(length, 2));
        assert.equal((await copied(store, other, from, { ifExists: "replace" })).outcome, "replaced");
        await holds(store, other, someBytes(length, 1));
        assert.equal((await copied(store, key(`new${length}`), from, { ifExists: "replace" })).outcome, "created");
        const unchecked = await copied(store, key(`unchecked${length}`), from, {
          ifExists: "replace",
          replaces: false,
        });
        assert.equal(unchecked.outcome, "created");
      }
    },
  },
  "a copy that was stopped is interrupted and leaves nothing": {
    needs: "copyFrom",
    async run({ store, key, prefix }) {
      await putBytes(store, key("from"), someBytes(1000));
      const from = await remoteOf(store, key("from"));
      const options = { ifExists: "fail", signal: AbortSignal.abort() } as const;
      await assert.rejects(store.copyFrom!(key("to"), from, options), hasCode("interrupted"));
      assert.deepEqual(await keysOf(store, prefix), [key("from")]);
    },
  },
  "a copy without a known hash has none": {
    needs: "copyFrom",
    async run({ store, key }) {
      await putBytes(store, key("from"), someBytes(1000));
      const { tag, size, modified, key: name } = (await store.head(key("from")))!;
      const bare: BlobInfo = { key: name, tag, size, modified };
      const result = await copied(store, key("to"), store.remote!(bare));
      assert.deepEqual([result.outcome, result.sha256], ["created", undefined]);
      assert.equal((await store.head(key("to")))?.sha256, undefined);
      await holds(store, key("to"), someBytes(1000));
    },
  },
  "a blob without origin and URL is declined, and nothing is done": {
    needs: "copyFrom",
    async run({ store, key, prefix }) {
      await putBytes(store, key("from"), someBytes(1000));
      const blob = (await store.head(key("from")))!;
      const from: RemoteBlob = { blob, url: async () => undefined };
      assert.equal(store.reaches!(from), false);
      assert.equal(await store.copyFrom!(key("to"), from, { ifExists: "fail" }), undefined);
      assert.deepEqual(await keysOf(store, prefix), [key("from")]);
    },
  },
  "the signed URL of a blob, if there is one, reads the blob and does nothing else": {
    async run({ store, key, t }) {
      if (store.remote === undefined) return t.skip("only this process can read the store");
      for (const name of ["plain.bin", "a b/c+d%41 é😀.tgz"]) {
        const bytes = someBytes(1000);
        await putBytes(store, key(name), bytes);
        const url = await store.remote((await store.head(key(name)))!).url();
        if (url === undefined) return t.skip("these credentials make no URL");
        const whole = await fetch(url);
        assert.equal(whole.status, 200, await whole.clone().text());
        assert.ok(Buffer.from(await whole.arrayBuffer()).equals(bytes));
        const part = await fetch(url, { headers: { range: "bytes=10-19" } });
        assert.equal(part.status, 206);
        assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(10, 20)));
        assert.equal((await fetch(url, { method: "DELETE" })).ok, false, "it allows more than reading");
      }
    },
  },
} satisfies Record<string, ContractCase>;
