import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createNameClashes } from "../../../src/operations/mirror/name-clashes.ts";
import {
  decide,
  refuseDeletes,
  robocopyStatus,
  type CompareOptions,
  type MirrorClass,
  type Pair,
} from "../../../src/operations/mirror/decide.ts";
import { compareKeys } from "../../../src/lib/key.ts";
import { parseKey } from "../../../src/stores/key.ts";
import type { BlobInfo } from "../../../src/stores/store.ts";

const key = parseKey("key");
const blob = (size: number, seconds: number, more: Partial<BlobInfo> = {}): BlobInfo => ({
  key,
  size,
  modified: new Date(seconds * 1000),
  ...more,
});
const plain: CompareOptions = { checksum: false, sizeOnly: false, timeWindow: 1, leave: new Set() };
const md5 = (letter: string) => ({ md5: letter.repeat(32) });
const sha256 = (letter: string) => ({ sha256: letter.repeat(64) });

describe("decide", () => {
  const cases: [string, Partial<Pair>, Partial<CompareOptions>, string][] = [
    ["only in the source", { source: blob(1, 0) }, {}, "lonely copy"],
    ["only in the source, lonely left", { source: blob(1, 0) }, { leave: new Set(["lonely"]) }, "lonely skip"],
    ["only in the target", { target: blob(1, 0) }, {}, "extra extra"],
    ["same size and time", { source: blob(1, 0), target: blob(1, 0) }, {}, "same skip"],
    ["times within the window", { source: blob(1, 2), target: blob(1, 0) }, { timeWindow: 2000 }, "same skip"],
    [
      "times just beyond the window",
      { source: blob(1, 2.001), target: blob(1, 0) },
      { timeWindow: 2000 },
      "newer copy",
    ],
    ["newer", { source: blob(1, 5), target: blob(1, 0) }, {}, "newer copy"],
    ["newer and larger", { source: blob(9, 5), target: blob(1, 0) }, {}, "newer copy"],
    ["newer, left", { source: blob(1, 5), target: blob(1, 0) }, { leave: new Set(["newer"]) }, "newer skip"],
    ["older", { source: blob(1, 0), target: blob(1, 5) }, {}, "older copy"],
    ["older, left", { source: blob(9, 0), target: blob(1, 5) }, { leave: new Set(["older"]) }, "older skip"],
    ["changed", { source: blob(9, 0), target: blob(1, 0) }, {}, "changed copy"],
    ["changed, left", { source: blob(9, 0), target: blob(1, 0) }, { leave: new Set(["changed"]) }, "changed skip"],
    ["equal hashes, times known", { source: blob(1, 5, md5("a")), target: blob(1, 0, md5("a")) }, {}, "tweaked skip"],
    ["equal hashes and times", { source: blob(1, 0, md5("a")), target: blob(1, 0, md5("a")) }, {}, "same skip"],
    [
      "equal hashes, times unknown",
      { source: blob(1, 5, md5("a")), target: blob(1, 0, md5("a")), timesKnown: false },
      {},
      "same skip",
    ],
    [
      "sha256 counts more than md5",
      { source: blob(1, 0, { ...md5("a"), ...sha256("b") }), target: blob(1, 0, { ...md5("a"), ...sha256("c") }) },
      {},
      "changed copy",
    ],
    [
      "hashes of different kinds prove nothing",
      { source: blob(1, 0, md5("a")), target: blob(1, 0, sha256("a")) },
      {},
      "same skip",
    ],
    ["other hashes, equal times", { source: blob(1, 0, md5("a")), target: blob(1, 0, md5("b")) }, {}, "changed copy"],
    [
      "other hashes, times unknown",
      { source: blob(1, 0, md5("a")), target: blob(1, 9, md5("b")), timesKnown: false },
      {},
      "changed copy",
    ],
    ["times unknown, no hashes", { source: blob(1, 0), target: blob(1, 9), timesKnown: false }, {}, "changed compare"],
    ["times unknown, other size", { source: blob(2, 0), target: blob(1, 9), timesKnown: false }, {}, "changed copy"],
    [
      "times unknown, other size, and the class matters",
      { source: blob(2, 0), target: blob(1, 9), timesKnown: false },
      { leave: new Set(["older"]) },
      "changed compare",
    ],
    [
      "times unknown, other size, only lonely left",
      { source: blob(2, 0), target: blob(1, 9), timesKnown: false },
      { leave: new Set(["lonely"]) },
      "changed copy",
    ],
    ["proven", { source: blob(1, 5), target: blob(1, 0), proven: true }, {}, "same skip"],
    ["checksum, no hashes", { source: blob(1, 0), target: blob(1, 0) }, { checksum: true }, "changed compare"],
    [
      "checksum, hashes known",
      { source: blob(1, 0, md5("a")), target: blob(1, 0, md5("a")) },
      { checksum: true },
      "same skip",
    ],
    ["checksum, other size", { source: blob(2, 0), target: blob(1, 0) }, { checksum: true }, "changed copy"],
    [
      "size only, equal",
      { source: blob(1, 5, md5("a")), target: blob(1, 0, md5("b")) },
      { sizeOnly: true },
      "same skip",
    ],
    ["size only, other", { source: blob(2, 5), target: blob(1, 0) }, { sizeOnly: true }, "newer copy"],
  ];
  for (const [name, pair, options, expected] of cases) {
    test(name, () => {
      const decision = decide({ proven: false, timesKnown: true, ...pair }, { ...plain, ...options });
      assert.equal(`${decision.class} ${decision.action}`, expected);
    });
  }

  const blobs = fc.record({
    size: fc.integer({ min: 0, max: 2 }),
    time: fc.integer({ min: 0, max: 3 }),
    md5: fc.constantFrom(undefined, "a", "b"),
    sha256: fc.constantFrom(undefined, "a", "b"),
  });
  const someBlob = blobs.map(({ size, time, ...hashes }) => blob(size, time, hashes));
  const pairs = fc.record({ source: someBlob, target: someBlob, proven: fc.boolean(), timesKnown: fc.boolean() });
  const classes = ["older", "newer", "changed", "lonely", "extra"] satisfies MirrorClass[];
  const options = fc.record({
    checksum: fc.boolean(),
    sizeOnly: fc.boolean(),
    timeWindow: fc.constantFrom(1, 1000),
    leave: fc.subarray([...classes]).map((leave) => new Set<MirrorClass>(leave)),
  });

  test("blobs that differ in size are never skipped, unless proven or their class is left alone", () => {
    fc.assert(
      fc.property(pairs, options, (pair, chosen) => {
        fc.pre(pair.source.size !== pair.target.size && !pair.proven);
        const decision = decide(pair, chosen);
        assert.ok(decision.action !== "skip" || chosen.leave.has(decision.class));
      }),
    );
  });

  test("with checksum no pair is the same by its time alone", () => {
    fc.assert(
      fc.property(pairs, options, ({ source, target, timesKnown }, chosen) => {
        const bare = { source: blob(source.size, 0), target: blob(target.size, 0), timesKnown, proven: false };
        const strict = { ...chosen, checksum: true, sizeOnly: false, leave: new Set<MirrorClass>() };
        assert.notEqual(decide(bare, strict).action, "skip");
      }),
    );
  });

  test("with known times and hashes the decision is never compare", () => {
    fc.assert(
      fc.property(pairs, options, ({ source, target }, chosen) => {
        const seen = { source, target, timesKnown: true, proven: false };
        assert.notEqual(decide(seen, { ...chosen, checksum: false }).action, "compare");
      }),
    );
  });

  test("a class that is left alone is never copied", () => {
    fc.assert(
      fc.property(pairs, options, (pair, chosen) => {
        const decision = decide({ ...pair, timesKnown: true }, chosen);
        assert.ok(decision.action !== "copy" || !chosen.leave.has(decision.class));
      }),
    );
  });
});

describe("refuseDeletes", () => {
  const limits = fc.constantFrom(
    undefined,
    { count: 0 },
    { count: 5 },
    { percent: 0 },
    { percent: 20 },
    { percent: 100 },
  );
  const plans = fc.record({ extras: fc.nat(50), matched: fc.nat(50), lonely: fc.nat(50) });

  test("an empty source is refused, whatever the limit", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), limits, (extras, limit) => {
        assert.match(refuseDeletes({ extras, targets: extras, sources: 0 }, limit) ?? "", /the source is empty/);
      }),
    );
  });

  test("a refused plan is still refused with one more delete", () => {
    fc.assert(
      fc.property(plans, limits, ({ extras, matched, lonely }, limit) => {
        const refused = (count: number) =>
          refuseDeletes({ extras: count, targets: matched + count, sources: matched + lonely }, limit) !== undefined;
        assert.equal(refused(0), false);
        if (refused(extras)) assert.ok(refused(extras + 1));
      }),
    );
  });
});

test("robocopy's status: a bit for each outcome, 8 for a broken run, 16 when it copied nothing", () => {
  const none = { copied: 0, extras: 0, mismatch: 0, failed: 0 };
  assert.equal(robocopyStatus(none, false), 0);
  assert.equal(robocopyStatus({ copied: 2, extras: 2, mismatch: 2, failed: 2 }, false), 15);
  assert.equal(robocopyStatus({ ...none, copied: 1, extras: 1 }, true), 1 | 2 | 8);
  assert.equal(robocopyStatus({ ...none, extras: 1, mismatch: 1 }, true), 16);
});

test("on a disk a key below a file is a clash, even with other names between them", () => {
  const segment = fc.constantFrom("a", "a-", "a.", "a0", "aa", "b");
  const keys = fc.uniqueArray(fc.array(segment, { minLength: 1, maxLength: 3 }).map((each) => each.join("/")));
  fc.assert(
    fc.property(keys, (unsorted) => {
      const nowhere = join(import.meta.dirname, "there-is-no-such-folder");
      const clashes = createNameClashes({ localPath: (each) => join(nowhere, each) });
      const files: string[] = [];
      for (const each of unsorted.sort(compareKeys)) {
        const blocked = files.some((file) => each.startsWith(`${file}/`));
        assert.equal(clashes.find(each)?.kind, blocked ? "lasting" : undefined, each);
        if (blocked) continue;
        clashes.add(each);
        files.push(each);
      }
    }),
  );
});
