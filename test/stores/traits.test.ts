import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readSettings } from "../../src/stores/gcs/settings.ts";
import { keptAfterDelete, parseTraits, type LifecycleRule, type StoreTraits } from "../../src/stores/traits.ts";

const now = new Date("2026-01-01T12:00:00Z");
const after = (days: number) => new Date(now.getTime() + days * 86_400_000);
const earlier = (days: number, prefix?: string): LifecycleRule => ({
  does: "delete earlier versions",
  days,
  ...(prefix !== undefined && { prefix }),
});

describe("what the provider keeps of a deleted blob", () => {
  const cases: { name: string; traits: StoreTraits; kept: ReturnType<typeof keptAfterDelete> }[] = [
    { name: "nothing is known", traits: {}, kept: undefined },
    { name: "no versions, no soft delete", traits: { versioning: "off", softDeleteDays: 0 }, kept: undefined },
    { name: "soft delete", traits: { softDeleteDays: 7 }, kept: { by: "soft delete", until: after(7) } },
    { name: "versions", traits: { versioning: "on" }, kept: { by: "versioning", until: undefined } },
    { name: "suspended versions", traits: { versioning: "suspended" }, kept: { by: "versioning", until: undefined } },
    {
      name: "versions that a rule deletes, and then softly",
      traits: { versioning: "on", softDeleteDays: 2, lifecycle: [earlier(30), earlier(10)] },
      kept: { by: "versioning", until: after(12) },
    },
    {
      name: "locked versions that a rule would delete earlier",
      traits: { versioning: "on", lock: { mode: "compliance", days: 30 }, lifecycle: [earlier(10)] },
      kept: { by: "versioning", until: after(30) },
    },
    {
      name: "versions with rules for a part, or for living blobs",
      traits: { versioning: "on", lifecycle: [earlier(10, "a/"), { does: "delete", days: 1 }] },
      kept: { by: "versioning", until: undefined },
    },
  ];
  for (const { name, traits, kept } of cases) test(name, () => assert.deepEqual(keptAfterDelete(traits, now), kept));
});

test("saved traits are read back; what is not one is left out", () => {
  const traits: StoreTraits = {
    sortedList: false,
    bulkDelete: true,
    conditionalCreate: false,
    md5Tags: true,
    versioning: "on",
    softDeleteDays: 7,
    lock: { mode: "compliance", days: 30 },
    lifecycle: [earlier(3, "a/"), { does: "move", days: 90, to: "GLACIER" }],
  };
  assert.deepEqual(parseTraits(JSON.parse(JSON.stringify(traits)) as object), traits);
  const tampered = {
    sortedList: "yes",
    versioning: "perhaps",
    softDeleteDays: -1,
    lock: { mode: 5 },
    lifecycle: [{ does: "delete", days: "1" }, null, { does: "burn", days: 1 }, earlier(1)],
    newer: true,
  };
  assert.deepEqual(parseTraits(tampered), { lifecycle: [earlier(1)] });
  for (const other of [[], { lifecycle: "none" }, { lock: null }]) assert.deepEqual(parseTraits(other), {});
});

describe("settings of a bucket of Google", () => {
  test("none", () => {
    assert.deepEqual(readSettings({}, ""), {
      versioning: "off",
      softDeleteDays: 0,
      lock: { mode: "off" },
      lifecycle: [],
    });
  });
  test("versions, soft delete, retention", () => {
    const settings = {
      versioning: { enabled: true },
      softDeletePolicy: { retentionDurationSeconds: "604800" },
      retentionPolicy: { retentionPeriod: "86401", isLocked: true },
    };
    assert.deepEqual(readSettings(settings, ""), {
      versioning: "on",
      softDeleteDays: 7,
      lock: { mode: "locked", days: 2 },
      lifecycle: [],
    });
  });
  test("lifecycle rules, as far as they are about the store", () => {
    const rule = [
      { action: { type: "Delete" }, condition: { age: 100 } },
      { action: { type: "Delete" }, condition: { daysSinceNoncurrentTime: 5 } },
      { action: { type: "Delete" }, condition: { age: 6, isLive: false } },
      { action: { type: "Delete" }, condition: { daysSinceNoncurrentTime: 5, numNewerVersions: 3 } },
      {
        action: { type: "SetStorageClass", storageClass: "ARCHIVE" },
        condition: { age: 30, matchesPrefix: ["top/a/", "else/"] },
      },
      { action: { type: "AbortIncompleteMultipartUpload" }, condition: { age: 1 } },
    ];
    assert.deepEqual(readSettings({ lifecycle: { rule } }, "top/").lifecycle, [
      { does: "delete", days: 100 },
      earlier(5),
      earlier(6),
      { does: "move", days: 30, to: "ARCHIVE", prefix: "a/" },
    ]);
  });
});
