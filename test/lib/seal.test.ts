import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { keyFromText, seal, unseal } from "../../src/lib/seal.ts";

test("only the same key decrypts, and a modified text does not decrypt at all", () => {
  const key = keyFromText("correct horse");
  const sealed = seal(key, "AccountKey=größe 😀", randomBytes(12));
  assert.doesNotMatch(sealed, /AccountKey/);
  assert.equal(unseal(key, sealed), "AccountKey=größe 😀");
  assert.equal(unseal(keyFromText("another"), sealed), undefined);
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

test("a key of 64 hex digits is decoded, any other text is hashed", () => {
  const bytes = randomBytes(32);
  assert.deepEqual(keyFromText(bytes.toString("hex")), bytes);
  assert.equal(keyFromText("short").length, 32);
});
