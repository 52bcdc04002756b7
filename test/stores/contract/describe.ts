import assert from "node:assert/strict";
import { parseKey } from "../../../src/stores/key.ts";
import { readAll, sha256, someBytes, sourceOf } from "../../support/bytes.ts";
import type { ContractCase } from "./contract.ts";

const MIB = 1024 * 1024;
const modified = new Date("2021-02-03T04:05:06Z");

export const describeCases = {
  "describe replaces content type, cache-control and metadata; bytes, hash and time stay": {
    needs: "describe",
    async run({ store, key }) {
      for (const size of [0, 1000, 9 * MIB]) {
        const name = key(`described-${size}`);
        const bytes = someBytes(size, 5);
        const hash = sha256(bytes);
        const kept = { sha256: hash, modified };
        const headers = { contentLanguage: "de" };
        const old = {
          contentType: "text/html",
          cacheControl: "no-cache",
          metadata: { gone: "1", name: "old" },
          headers,
        };
        await store.put(name, sourceOf(bytes), { ifExists: "fail", ...kept, ...old });
        const before = await store.head(name);
        assert.ok(before !== undefined && store.describe !== undefined);
        const now = { contentType: "text/plain", cacheControl: "private", metadata: { name: "neu \u00fc" } };
        const { tag } = await store.describe(before, { ifExists: "replace", ...kept, ...now });
        const after = await store.head(name);
        assert.equal(after?.tag, tag);
        const { contentType, cacheControl, metadata, size: length } = after ?? {};
        assert.deepEqual({ contentType, cacheControl, metadata, length }, { ...now, length: size });
        assert.deepEqual([after?.sha256, after?.modified, after?.headers], [hash, modified, headers]);
        assert.equal(sha256(await readAll(await store.get(name))), hash);
      }
    },
  },
  "describe without cache-control removes it": {
    needs: "describe",
    async run({ store, key }) {
      const name = key("described");
      await store.put(name, sourceOf(someBytes(10)), { ifExists: "fail", cacheControl: "no-cache" });
      const before = await store.head(name);
      assert.ok(before?.cacheControl === "no-cache" && store.describe !== undefined);
      await store.describe(before, { ifExists: "replace" });
      assert.equal((await store.head(name))?.cacheControl, undefined);
    },
  },
  "describe of a blob that has changed is corrupt and changes nothing": {
    needs: "describe",
    async run({ store, key }) {
      const name = key("described");
      await store.put(name, sourceOf(someBytes(10, 1)), { ifExists: "fail" });
      const known = await store.head(name);
      await store.put(name, sourceOf(someBytes(10, 2)), { ifExists: "replace", contentType: "text/html" });
      assert.ok(known !== undefined && store.describe !== undefined);
      const options = { ifExists: "replace", contentType: "text/plain" } as const;
      await assert.rejects(store.describe(known, options), { code: "corrupt" });
      assert.equal((await store.head(name))?.contentType, "text/html");
      await store.delete(name);
      await assert.rejects(store.describe(known, options), ({ code }: { code: string }) =>
        ["not-found", "corrupt"].includes(code),
      );
      assert.equal(await store.head(name), undefined);
    },
  },
  "put refuses exactly the keys with a name problem": {
    async run({ store, prefix }) {
      for (const name of [
        "plain",
        "con.txt",
        "ends./x",
        "dot.",
        "a\\b",
        "\u00fc \u65e5",
        ".feedctl-0123456789abcdef.tmp",
      ]) {
        const key = parseKey(`${prefix}${name}`);
        const put = store.put(key, sourceOf(someBytes(3)), { ifExists: "fail" });
        if (store.nameProblem?.(key) === undefined) await put;
        else await assert.rejects(put, { code: "invalid" }, name);
      }
    },
  },
} satisfies Record<string, ContractCase>;
