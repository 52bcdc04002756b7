import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { GzipError, gunzipMember } from "../../../src/lib/archives/gzip-member.ts";

/** Adds every optional field to the header: extra field, name, comment, header checksum. */
function withFullHeader(member: Buffer): Buffer {
  const header = Buffer.from(member.subarray(0, 10));
  header[3] = 4 | 8 | 16 | 2;
  return Buffer.concat([header, Buffer.from("\u0003\0abcname\0comment\0\u0001\u0002", "latin1"), member.subarray(10)]);
}

test("the first member ends where the next begins, whatever its header holds", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 50 }), fc.boolean(), (a, b, full) => {
      const first = full ? withFullHeader(gzipSync(a)) : gzipSync(a);
      const { content, length } = gunzipMember(Buffer.concat([first, b]), 300);
      assert.deepEqual(content, Buffer.from(a));
      assert.equal(length, first.length);
    }),
  );
});

test("every truncated member ends early", () => {
  const member = withFullHeader(gzipSync("some text, some text"));
  for (let length = 0; length < member.length; length++) {
    assert.throws(() => gunzipMember(member.subarray(0, length), 100), new GzipError("ends early"), `${length} bytes`);
  }
});

test("damage, other data and too much data are distinguished", () => {
  const member = gzipSync("x".repeat(1000));
  const wrong = Buffer.from(member);
  wrong[member.length - 5]! ^= 1;
  assert.throws(() => gunzipMember(wrong, 1000), new GzipError("is damaged (wrong checksum)"));
  assert.throws(() => gunzipMember(member, 999), new GzipError("unpacks to more than 999 bytes"));
  assert.throws(() => gunzipMember(Buffer.from("no gzip at all"), 9), new GzipError("is not gzip data"));
  const flags = Buffer.from(member);
  flags[3] = 0x80;
  assert.throws(() => gunzipMember(flags, 1000), new GzipError("is damaged (unknown flags)"));
  const body = Buffer.concat([member.subarray(0, 10), Buffer.alloc(20, 0xff)]);
  assert.throws(() => gunzipMember(body, 1000), /is damaged \(/);
});
