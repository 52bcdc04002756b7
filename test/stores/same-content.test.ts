import assert from "node:assert/strict";
import { test } from "node:test";
import { sameContent } from "../../src/stores/same-content.ts";

const cases = [
  { name: "no hash at all", one: {}, other: {}, same: undefined },
  { name: "hashes of different kinds", one: { sha256: "a" }, other: { md5: "a" }, same: undefined },
  { name: "equal MD5s", one: { md5: "a" }, other: { md5: "a" }, same: true },
  { name: "different MD5s", one: { md5: "a" }, other: { md5: "b" }, same: false },
  {
    name: "SHA-256 decides where both have it",
    one: { sha256: "a", md5: "x" },
    other: { sha256: "a", md5: "y" },
    same: true,
  },
  { name: "different SHA-256s", one: { sha256: "a", md5: "x" }, other: { sha256: "b", md5: "x" }, same: false },
  { name: "MD5 decides where one lacks SHA-256", one: { sha256: "a", md5: "x" }, other: { md5: "x" }, same: true },
];

for (const { name, one, other, same } of cases) {
  test(`${name}: ${same}`, () => {
    assert.equal(sameContent(one, other), same);
    assert.equal(sameContent(other, one), same);
  });
}
