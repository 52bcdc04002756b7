// The descriptors of package types, without `read`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { feedTypeInfo, feedTypeNames } from "../../src/formats/feed-types.ts";
import { allFormats, findFormat, loadFormat } from "../../src/formats/index.ts";

test("each type has a format of the same name", async () => {
  for (const type of feedTypeNames) {
    const format = await findFormat(type);
    assert.equal(format?.type, feedTypeInfo(type).noPackageFiles === undefined ? type : undefined);
  }
});

test("the example of a range syntax is valid in that syntax", async () => {
  for (const { type, ranges } of await allFormats())
    if (ranges !== undefined) assert.ok(ranges.parse(ranges.example).length > 0, type);
});

test("only types with places have `place`", async () => {
  for (const { type, place } of await allFormats()) {
    const isPlaced = feedTypeInfo(type).hasPlaces === true;
    assert.equal(place !== undefined, isPlaced, type);
  }
  const debian = (await findFormat("debian"))?.place ?? assert.fail("Debian packages have places");
  assert.deepEqual(debian.complete({ component: "contrib" }), { distribution: "stable", component: "contrib" });
  assert.throws(() => debian.complete({ distribution: "../x" }), { code: "usage" });
  assert.deepEqual(debian.ofKey("pool/bookworm/main/w/widget/widget_1_all.deb"), {
    distribution: "bookworm",
    component: "main",
  });
  assert.equal(debian.ofKey("some/where/widget_1_all.deb"), undefined);
});

test("a type that only a newer feedctl knows is a usage error", async () => {
  for (const type of ["future", "constructor", ""]) {
    assert.throws(() => feedTypeInfo(type), { code: "usage", message: `the feed type "${type}" does not exist` });
    await assert.rejects(loadFormat(type), { code: "usage", message: `the feed type "${type}" does not exist` });
    assert.equal(await findFormat(type), undefined);
  }
});
