import { Type, type Static } from "typebox";
import { count, flag, keptBlobs, maybe, nullable, oneOf, text, time, word } from "./parts.ts";
import { FindingLine } from "./verify.ts";

const passCounts = {
  copied: count(),
  verified: count("already in the target, verified by hash"),
  same: count("already in the target, verified by an earlier pass"),
  failed: count(),
  stale: count("changed while they were being copied"),
  foreign: count("names that are not valid keys"),
  bytes: count("of the copied blobs"),
};

export const MigrateLine = Type.Union([
  Type.Object({
    type: word("pass"),
    number: count(),
    kind: oneOf(["full", "delta", "last"]),
    frozen: flag("the feed is read-only during the pass"),
    blobs: count("expected"),
  }),
  Type.Object({
    type: word("ranges"),
    ranges: count(),
    finished: count(),
    copied: count(),
    failed: count(),
    bytes: count(),
  }),
  Type.Object({
    type: word("blob"),
    outcome: oneOf(["copied", "verified", "same", "failed", "stale", "foreign"]),
    key: text(),
    size: count(),
    reason: maybe(text()),
  }),
  Type.Object({
    type: word("summary"),
    feed: text(),
    migration: maybe(count("its id; missing if none was recorded")),
    from: text(),
    to: text(),
    outcome: oneOf(["switched", "already", "planned", "ready", "incomplete", "paused"]),
    passes: count(),
    frozenMilliseconds: Type.Number({ minimum: 0 }),
    estimate: maybe(Type.Object({ requests: count(), seconds: Type.Number({ minimum: 0 }) })),
    ...passCounts,
  }),
]);
export type MigrateLine = Static<typeof MigrateLine>;

export const MigrateManyLine = Type.Union([
  ...MigrateLine.anyOf,
  Type.Object({ type: word("feed-failed"), feed: text(), code: text(), reason: text() }),
  Type.Object({
    type: word("total"),
    feeds: count(),
    switched: count(),
    ready: count(),
    already: count(),
    planned: count(),
    incomplete: count(),
    paused: count(),
    failed: count(),
  }),
]);
export type MigrateManyLine = Static<typeof MigrateManyLine>;

export const MigrationResult = Type.Object({
  id: count(),
  feed: text(),
  from: text(),
  to: text(),
  state: oneOf(["copying", "paused", "ready", "switching", "switched", "retired", "cancelled", "rolled-back"]),
  reverses: nullable(count(), "id of the migration that it rolls back"),
  startedAt: time(),
  switchedAt: nullable(time()),
  finishedAt: nullable(time()),
  blobs: count(),
  bytes: count(),
  frozenMilliseconds: nullable(Type.Number({ minimum: 0 })),
});
export type MigrationResult = Static<typeof MigrationResult>;

export const MigrationStatusResult = Type.Object({
  ...MigrationResult.properties,
  running: flag("a process is working on it"),
  problem: nullable(text(), "why the last run ended before it was done"),
  toRetire: Type.Array(text(), { description: "earlier stores that still hold files; see: migrate retire" }),
  plan: Type.Object({
    cutover: oneOf(["auto", "manual"]),
    cached: oneOf(["copy", "skip", "clear"]),
    fresh: maybe(flag("the target was empty at first")),
    preserve: Type.Object({ tags: flag(), storageClass: flag() }, { description: "what copies get of their source" }),
  }),
  request: nullable(oneOf(["pause", "cancel", "cutover"]), "request to the process that is working on it"),
  passes: Type.Array(
    Type.Object({
      number: count(),
      kind: oneOf(["full", "delta", "last"]),
      startedAt: time(),
      finishedAt: nullable(time()),
      expected: count(),
      copied: count(),
      verified: count(),
      same: count(),
      failed: count(),
      bytes: count(),
    }),
  ),
  ranges: nullable(Type.Object({ ranges: count(), finished: count(), failed: count() })),
  blobsPerSecond: nullable(Type.Number()),
  bytesPerSecond: nullable(Type.Number()),
  remainingSeconds: nullable(count()),
  failures: Type.Array(Type.Object({ key: text(), reason: text() }), { description: "the first of them" }),
  updatedAt: nullable(time()),
});
export type MigrationStatusResult = Static<typeof MigrationStatusResult>;

export const MigrationPausedResult = Type.Object({
  feed: text(),
  migration: count(),
  outcome: oneOf(["asked", "done"], "asked: the process that is working on it stops within seconds"),
});
export type MigrationPausedResult = Static<typeof MigrationPausedResult>;

export const MigrationCancelledResult = Type.Object({
  feed: text(),
  target: text(),
  removed: count("copied blobs"),
  left: count("blobs that were not copied by the migration"),
  ...keptBlobs,
});
export type MigrationCancelledResult = Static<typeof MigrationCancelledResult>;

export const RetireLine = Type.Union([
  FindingLine,
  Type.Object({ type: word("kept"), key: text("a blob that the new store does not have") }),
  Type.Object({ type: word("failed"), key: text("a blob that the old store did not delete"), reason: text() }),
  Type.Object({
    type: word("summary"),
    feed: text(),
    from: text(),
    to: text(),
    retired: flag("the old files were deleted before"),
    deleted: count(),
    bytes: count(),
    kept: count(),
    failed: count("old blobs that the old store did not delete; run migrate retire again"),
    ...keptBlobs,
  }),
]);
export type RetireLine = Static<typeof RetireLine>;

export const WorkerLine = Type.Union([
  Type.Object({
    type: word("range"),
    migration: count(),
    number: count(),
    outcome: oneOf(["done", "given-back"]),
    reason: maybe(text()),
  }),
  Type.Object({ type: word("summary"), worker: count(), ranges: count(), givenBack: count() }),
]);
export type WorkerLine = Static<typeof WorkerLine>;

export const WorkerResult = Type.Object({
  id: count(),
  host: text(),
  pid: count(),
  actor: text(),
  concurrency: count(),
  state: oneOf(["working", "idle", "stopped", "lost"]),
  startedAt: time(),
  seenAt: time(),
  ranges: count("finished"),
});
export type WorkerResult = Static<typeof WorkerResult>;
