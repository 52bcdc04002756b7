import assert from "node:assert/strict";
import { createHash, randomBytes, scryptSync } from "node:crypto";
import { test } from "node:test";
import { parseSecret, seal, sealVersion, unseal } from "../../../src/lib/bytes/seal.ts";

const noSalt = Buffer.alloc(0);

test("only the same key decrypts, and a modified text does not decrypt at all", () => {
  const key = { version: "v1", bytes: randomBytes(32) } as const;
  const sealed = seal(key, "AccountKey=größe 😀", randomBytes(12));
  assert.doesNotMatch(sealed, /AccountKey/);
  assert.equal(unseal(key, sealed), "AccountKey=größe 😀");
  assert.equal(unseal({ ...key, bytes: randomBytes(32) }, sealed), undefined);
  const [version, nonce, tag, body = ""] = sealed.split(".");
  const changed = Buffer.from(body, "base64url");
  changed[0]! ^= 1;
  for (const other of [
    [version, nonce, tag, changed.toString("base64url")],
    [version, Buffer.alloc(12).toString("base64url"), tag, body],
    [version, nonce, tag?.slice(0, 6), body],
    ["v2", nonce, tag, body],
    [version, nonce],
  ]) {
    assert.equal(unseal(key, other.join(".")), undefined);
  }
});

test("a key of 64 hex digits is used as it is", async () => {
  const bytes = randomBytes(32);
  const secret = parseSecret(bytes.toString("hex"));
  assert.equal(secret.version, "v1");
  assert.equal(secret.weakness, undefined);
  assert.deepEqual((await secret.key(secret.version, noSalt)).bytes, bytes);
});

test("a passphrase becomes a key through scrypt, another one for each salt", async () => {
  const secret = parseSecret("correct horse battery staple");
  assert.equal(secret.version, "v2");
  const [one, two] = [randomBytes(16), randomBytes(16)];
  const key = await secret.key("v2", one);
  const expected = scryptSync("correct horse battery staple", one, 32, { N: 131072, r: 8, p: 1, maxmem: 2 ** 28 });
  assert.deepEqual(key.bytes, expected);
  assert.notDeepEqual((await secret.key("v2", two)).bytes, key.bytes);
  assert.equal(sealVersion(seal(key, "text", randomBytes(12))), "v2");
});

test("what earlier versions sealed with the hash of a passphrase still opens", async () => {
  const bytes = createHash("sha256").update("correct horse").digest();
  const sealed = seal({ version: "v1", bytes }, "text", randomBytes(12));
  assert.equal(unseal(await parseSecret("correct horse").key("v1", noSalt), sealed), "text");
});

for (const { passphrase, weakness } of [
  { passphrase: "hunter2", weakness: "it has only 7 characters" },
  { passphrase: "fifteen letters", weakness: "it has only 15 characters" },
  { passphrase: "😀".repeat(15), weakness: "it has only 15 characters" },
  { passphrase: "aaaaaaaaaaaaaaaaaaaa", weakness: "it repeats one character" },
  { passphrase: "correct horse battery staple", weakness: undefined },
  { passphrase: "0".repeat(64), weakness: undefined },
]) {
  test(`the passphrase ${passphrase} is ${weakness === undefined ? "not weak" : `weak: ${weakness}`}`, () => {
    assert.equal(parseSecret(passphrase).weakness, weakness);
  });
}
