import { Type, type Static } from "typebox";
import { count, flag, nullable, oneOf, text, time, word } from "./parts.ts";

/** Members of every line about a package file. Unknown values are null. */
const fileMembers = {
  type: word("file"),
  file: text("its path, or its key in a store"),
  group: nullable(text()),
  name: nullable(text()),
  version: nullable(text()),
  qualifier: nullable(text()),
  key: nullable(text(), "its key in the store"),
  size: nullable(count()),
  reason: nullable(text(), "why it was not imported"),
  warnings: Type.Array(text()),
};

const importStatus = oneOf([
  "imported",
  "overwritten",
  "existing",
  "restored",
  "conflict",
  "invalid",
  "failed",
  "skipped",
]);

const ImportFileLine = Type.Object({
  ...fileMembers,
  feed: nullable(text(), "the target feed, when files are sorted into several feeds"),
  status: importStatus,
});

export const ImportLine = Type.Union([
  ImportFileLine,
  Type.Object({
    type: word("summary"),
    feed: text("several feeds: their names, separated by commas"),
    imported: count(),
    overwritten: count("of the imported: those that replaced others"),
    existing: count(),
    restored: count(),
    conflicts: count(),
    invalid: count(),
    failed: count(),
    skipped: count(),
    bytes: count(),
  }),
]);
export type ImportLine = Static<typeof ImportLine>;

export const AdoptLine = Type.Union([
  Type.Object({
    ...fileMembers,
    feed: nullable(text()),
    status: oneOf(["adopted", "existing", "conflict", "invalid", "failed", "skipped"]),
  }),
  Type.Object({
    type: word("summary"),
    feed: text(),
    location: text(),
    adopted: count(),
    existing: count(),
    conflicts: count(),
    invalid: count(),
    failed: count(),
    skipped: count(),
    leadingSlash: count("blobs whose names begin with a slash, which keys cannot"),
    bytes: count(),
  }),
]);
export type AdoptLine = Static<typeof AdoptLine>;

const dropCounts = {
  imported: count(),
  overwritten: count(),
  existing: count(),
  restored: count(),
  conflicts: count(),
  invalid: count(),
  failed: count(),
  waiting: count("files of earlier scans that have not changed since"),
  unsettled: count("files that are still being written"),
  rejected: count("files that were moved aside"),
  bytes: count(),
};

export const DropLine = Type.Union([
  Type.Object({
    ...fileMembers,
    feed: text(),
    status: importStatus,
    rejectedTo: nullable(text(), "where a bad file was moved; null: it stays"),
  }),
  Type.Object({
    type: word("feed"),
    feed: text(),
    path: text(),
    ...dropCounts,
    problem: nullable(text(), "why the drop path could not be scanned"),
    skipped: nullable(text(), "why it was skipped"),
  }),
  Type.Object({ type: word("summary"), feeds: count(), problems: count(), ...dropCounts }),
]);
export type DropLine = Static<typeof DropLine>;

export const DropStatusResult = Type.Object({
  feed: text(),
  type: text(),
  path: text(),
  active: flag(),
  distribution: nullable(text()),
  component: nullable(text()),
  scannedAt: nullable(time()),
  imported: nullable(count(), "by the last scan"),
  problem: nullable(text()),
  waiting: Type.Array(
    Type.Object({
      path: text(),
      size: count(),
      modified: time(),
      status: oneOf(["conflict", "invalid", "failed", "kept"]),
      reason: text(),
      seenAt: time(),
    }),
  ),
});
export type DropStatusResult = Static<typeof DropStatusResult>;
