import assert from "node:assert/strict";
import type { Store } from "../../../src/stores/store.ts";
import { readAll, someBytes } from "../../support/bytes.ts";
import type { ContractCase } from "./contract.ts";
import { keysOf, putBytes } from "./put.ts";

/** Names that adapters, emulators or URL encoders have handled wrongly. */
const names = {
  "a key with spaces": "a b/ c /d",
  "a key with a plus": "a+b/c+.txt",
  "a key that looks percent-encoded": "a%41b/%2F",
  "a key with a bare percent sign": "100%/%/%zz",
  "a key with an at sign": "@scope/name@1.0.0.tgz",
  "a key with a hash": "a#b/#",
  "a key with a question mark": "a?b=c",
  "a key with ampersand and equals": "a&b=c&amp;d=e",
  "a key with quotes": `a"b'c\`d`,
  "a key with angle brackets and colon": "a<b>c:d|e*f",
  "a key that looks like ProGet's escape": "a!41b/!2F",
  "a key with a backslash": "a\\b\\c",
  "a key with accents": "é/ü/ß.txt",
  "a key with an emoji beyond the BMP": "😀/👩‍🚀.txt",
  "a key with tilde, brackets, semicolon and dollar": "~a[b]{c};$d,^e",
  "a key with a trailing dot": "a./b.",
  "a key with a leading dot": ".npm/.hidden",
  "a key of three dots": ".../a",
  "a key with a trailing space": "a /b ",
  "a key with soft and non-breaking blanks": "a\u00a0b\u00adc\u2028d",
} as const;

type NameTitle = keyof typeof names;

async function holdsExactly(store: Store, prefix: string, keys: readonly string[]): Promise<void> {
  assert.deepEqual((await keysOf(store, prefix)).sort(), [...keys].sort());
}

function nameCase(name: string): ContractCase {
  return {
    async run({ store, key, prefix }) {
      const bytes = someBytes(100);
      await putBytes(store, key(name), bytes);
      assert.deepEqual(await readAll(await store.get(key(name))), bytes);
      assert.equal((await store.head(key(name)))?.key, key(name));
      await holdsExactly(store, prefix, [key(name)]);
      await store.delete(key(name));
      assert.equal(await store.head(key(name)), undefined);
      await holdsExactly(store, prefix, []);
    },
  };
}

const nameCases = Object.fromEntries(Object.entries(names).map(([title, name]) => [title, nameCase(name)])) as Record<
  NameTitle,
  ContractCase
>;

export const keyCases = {
  ...nameCases,

  "composed and decomposed letters are different keys": {
    async run({ store, key, prefix }) {
      const composed = key("\u00e9");
      const decomposed = key("e\u0301");
      await putBytes(store, composed, Buffer.from("NFC"));
      await putBytes(store, decomposed, Buffer.from("NFD"));
      assert.equal(String(await readAll(await store.get(composed))), "NFC");
      assert.equal(String(await readAll(await store.get(decomposed))), "NFD");
      await holdsExactly(store, prefix, [composed, decomposed]);
    },
  },

  "keys that differ only in case are different keys": {
    async run({ store, key, prefix }) {
      await putBytes(store, key("Readme"), Buffer.from("upper"));
      await putBytes(store, key("readme"), Buffer.from("lower"));
      assert.equal(String(await readAll(await store.get(key("Readme")))), "upper");
      await holdsExactly(store, prefix, [key("Readme"), key("readme")]);
    },
  },

  "a key of 1,024 bytes in several segments": {
    async run({ store, key, prefix }) {
      const text = `${"x".repeat(200)}/`.repeat(4) + `${"é".repeat(90)}/`;
      const full = key(text + "y".repeat(1024 - Buffer.byteLength(prefix + text)));
      assert.equal(Buffer.byteLength(full), 1024);
      await putBytes(store, full, someBytes(10));
      assert.deepEqual(await readAll(await store.get(full)), someBytes(10));
      await holdsExactly(store, prefix, [full]);
      await store.delete(full);
      assert.equal(await store.head(full), undefined);
    },
  },

  "a key of 1,024 bytes in two segments": {
    async run({ store, key, prefix }) {
      const full = key("x".repeat(1024 - prefix.length));
      await putBytes(store, full, someBytes(10));
      assert.deepEqual(await readAll(await store.get(full)), someBytes(10));
      await holdsExactly(store, prefix, [full]);
    },
  },
} satisfies Record<string, ContractCase>;
