import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRetryAfter } from "../../../src/lib/concurrency/retry-after.ts";

const date = "Wed, 21 Oct 2015 07:28:00 GMT";

for (const { name, value, expected } of [
  { name: "seconds", value: "3", expected: 3000 },
  { name: "parts of a second", value: " 0.5 ", expected: 500 },
  { name: "a date, by the server's own clock", value: "Wed, 21 Oct 2015 07:28:30 GMT", expected: 30_000 },
  { name: "a date that has passed", value: "Wed, 21 Oct 2015 07:00:00 GMT", expected: 0 },
  { name: "nothing", value: undefined, expected: undefined },
  { name: "an empty value", value: "", expected: undefined },
  { name: "a negative number", value: "-5", expected: undefined },
  { name: "words", value: "soon", expected: undefined },
]) {
  test(`${name}: ${expected} ms`, () => assert.equal(parseRetryAfter(value, date), expected));
}

test("a date is compared with our clock if the response has no Date", () => {
  const wait = parseRetryAfter(new Date(Date.now() + 60_000).toUTCString());
  assert.ok(wait !== undefined && wait > 50_000 && wait <= 60_000, String(wait));
});
