import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { HELD } from "../../../src/stores/held.ts";
import type { BlobSource, HeldBlob } from "../../../src/stores/store.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import type { ContractCase } from "./contract.ts";
import { hasCode, putBytes } from "./put.ts";

export const readCases = {
  "read returns the bytes and the description of a small blob": {
    needs: "read",
    async run({ store, key }) {
      let delivered = 0;
      for (const size of [0, 1, 1000, HELD]) {
        const bytes = someBytes(size, 3);
        const name = key(`small-${size}`);
        await store.put(name, sourceOf(bytes), {
          ifExists: "fail",
          contentType: "text/plain",
          metadata: { name: "neu \u00fc" },
          modified: new Date("2021-02-03T04:05:06Z"),
        });
        const blob = (await store.head(name))!;
        const held = await store.read!(blob);
        if (held === undefined) continue; // it is allowed to leave a blob to `get`
        delivered++;
        assert.ok(held.bytes.equals(bytes), `${size} bytes`);
        const { key: found, size: length, contentType, metadata, modified, tag } = held.info;
        assert.deepEqual({ key: found, size: length, contentType, metadata, modified, tag }, pick(blob));
        assert.ok(held.sha256 === undefined || held.sha256 === sha256(bytes));
        assert.ok(held.md5 === undefined || held.md5 === hash("md5", bytes));
      }
      // a disk starts threads only for many blobs
      if (store.localPath === undefined) assert.equal(delivered, 4);
    },
  },
  "read leaves large blobs to get": {
    needs: "read",
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(HELD + 1));
      assert.equal(await store.read!((await store.head(key("x")))!), undefined);
    },
  },
  "read never returns the bytes of another version": {
    needs: "read",
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(100, 1));
      const blob = (await store.head(key("x")))!;
      for (const other of [someBytes(100, 2), someBytes(99, 2), someBytes(101, 2)]) {
        await putBytes(store, key("x"), other, { ifExists: "replace", modified: blob.modified });
        await refuses(store.read!(blob), "corrupt");
      }
      await store.delete(key("x"));
      await refuses(store.read!(blob), "not-found");
    },
  },
  "an aborted signal stops read": {
    needs: "read",
    async run({ store, key }) {
      await putBytes(store, key("x"), someBytes(10));
      const blob = (await store.head(key("x")))!;
      await assert.rejects(store.read!(blob, { signal: AbortSignal.abort() }), hasCode("interrupted"));
    },
  },
  "a source that is in memory is stored without opening it": {
    async run({ store, key }) {
      const bytes = someBytes(1000, 4);
      const source = heldSource({ bytes, sha256: sha256(bytes), md5: hash("md5", bytes) });
      for (const [i, options] of [{}, { sha256: sha256(bytes) }].entries()) {
        const name = key(`held-${i}`);
        const put = await store.put(name, source, { ifExists: "fail", ...options });
        assert.equal(put.outcome, "created");
        assert.ok((await readAll(await store.get(name))).equals(bytes));
      }
    },
  },
  "a source in memory that has other bytes than promised is corrupt, and nothing is visible": {
    async run({ store, key }) {
      const bytes = someBytes(1000, 4);
      const wrong = { ifExists: "fail", sha256: sha256(someBytes(1000, 5)) } as const;
      await assert.rejects(store.put(key("x"), heldSource({ bytes }, true), wrong), hasCode("corrupt"));
      assert.equal(await store.head(key("x")), undefined);
    },
  },
} satisfies Record<string, ContractCase>;

/** `opens`: whether the bytes may be read as a stream, too. */
function heldSource(held: NonNullable<BlobSource["held"]>, opens = false): BlobSource {
  const refuse = async () => Promise.reject(new Error("the source was opened"));
  return { size: held.bytes.length, held, open: opens ? sourceOf(held.bytes).open : refuse };
}

async function refuses(reading: Promise<HeldBlob | undefined>, code: "corrupt" | "not-found"): Promise<void> {
  const held = await reading.catch((error: unknown) => {
    assert.ok(hasCode(code)(error));
    return undefined;
  });
  assert.equal(held, undefined);
}

function pick({ key, size, contentType, metadata, modified, tag }: HeldBlob["info"]) {
  return { key, size, contentType, metadata, modified, tag };
}
