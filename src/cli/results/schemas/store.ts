import { Type, type Static } from "typebox";
import { count, flag, mapOf, maybe, nullable, oneOf, text, time, word } from "./parts.ts";

export const StoreResult = Type.Object({
  type: text("store type; see: feedctl store types"),
  location: text("its location, without secrets"),
  because: nullable(text(), "for a disk store: why it is that directory"),
  options: mapOf(Type.Union([Type.String(), Type.Boolean()]), "as saved; a secret is replaced by its origin"),
});
export type StoreResult = Static<typeof StoreResult>;

const WaitingDelete = Type.Object({
  key: text(),
  since: time("when its row was deleted"),
  attempts: count("how often its deletion was tried"),
  reason: nullable(text(), "why the last try failed"),
  nextTry: nullable(time()),
});

const TraitsResult = Type.Object(
  {
    versioning: nullable(
      oneOf(["on", "suspended", "off"]),
      "whether deleted and replaced blobs stay as earlier versions",
    ),
    softDeleteDays: nullable(count(), "how long deleted blobs are kept"),
    lock: nullable(
      Type.Object({
        mode: text("off, on, or the provider's word"),
        days: maybe(count("how long every blob is locked")),
      }),
    ),
    lifecycle: nullable(
      Type.Array(
        Type.Object({
          does: oneOf(["delete", "delete earlier versions", "move"]),
          days: count(),
          to: maybe(text("storage class or tier")),
          prefix: maybe(text("only keys that start so")),
        }),
      ),
    ),
    sortedList: nullable(flag(), "false: feedctl sorts listings on disk"),
    bulkDelete: nullable(flag()),
    conditionalCreate: nullable(flag()),
    md5Tags: nullable(flag()),
  },
  { description: "what was found of the provider; null: not known" },
);
export type TraitsResult = Static<typeof TraitsResult>;

export const StoreOfFeedResult = Type.Object({
  ...StoreResult.properties,
  feed: text(),
  earlier: Type.Array(text(), { description: "earlier stores that may still hold files of the feed" }),
  traits: nullable(TraitsResult, "null: not asked yet, or a disk"),
  askedAt: nullable(time()),
  waiting: Type.Object(
    {
      deletes: count(),
      failed: Type.Array(WaitingDelete, { description: "up to 100 blobs that the store did not delete" }),
    },
    { description: "blobs whose files were deleted and that are still in the store" },
  ),
});
export type StoreOfFeedResult = Static<typeof StoreOfFeedResult>;

export const StoreTypeResult = Type.Object({
  type: text(),
  title: text(),
  options: Type.Array(
    Type.Object({
      property: text("its name in profiles and plans"),
      flag: text("its name on the command line, without the dashes"),
      value: maybe(text("placeholder of its value in help; missing if it has no value")),
      description: text(),
      secret: maybe(Type.Literal(true)),
      proget: maybe(text("its name in ProGet")),
    }),
  ),
});
export type StoreTypeResult = Static<typeof StoreTypeResult>;

export const StoreChangeResult = Type.Object({
  feed: text(),
  outcome: oneOf(["changed", "unchanged"], "unchanged: the same location, possibly with other credentials or options"),
  store: StoreResult,
  before: StoreResult,
  traits: nullable(TraitsResult, "null: a disk, or it was not asked"),
  leftBehind: Type.Object(
    { packages: count(), versions: count(), files: count(), bytes: count() },
    { description: "catalogued files that stay in the earlier store; nothing was moved" },
  ),
});
export type StoreChangeResult = Static<typeof StoreChangeResult>;

export const StoreMarkResult = Type.Object({
  feed: text(),
  location: text(),
  found: count("recorded files that were looked up and are there"),
  of: count("recorded files that were looked up"),
});
export type StoreMarkResult = Static<typeof StoreMarkResult>;

const upload = {
  name: text("of its blob, below the target path; on a disk: of the temporary file"),
  since: nullable(time("when it began, on a disk when it was last written; null: not reported")),
  bytes: nullable(count("null: not known")),
  ours: flag(),
};

export const StoreUsageResult = Type.Object({
  feed: text(),
  location: text(),
  catalog: Type.Object({ files: count(), bytes: count() }),
  store: Type.Object({ blobs: count(), bytes: count() }),
  archived: Type.Object(
    { blobs: count(), bytes: count() },
    { description: "of these: to be restored before they are read" },
  ),
  kept: nullable(
    Type.Object({ blobs: count(), bytes: count() }),
    "earlier versions and deleted blobs that the provider keeps; null: not known",
  ),
  unfinished: nullable(
    Type.Object({
      uploads: count(),
      ours: count("those that feedctl began"),
      bytes: count("as far as the provider reports sizes"),
      listed: Type.Array(Type.Object(upload), { description: "up to 100 of them" }),
    }),
    "uploads that were begun and never completed; null: not known",
  ),
  unfinishedUnknown: nullable(text("why they are not known")),
  foreign: count("names in the store that are not valid keys"),
});
export type StoreUsageResult = Static<typeof StoreUsageResult>;

export const StoreCleanLine = Type.Union([
  Type.Object({
    type: word("upload"),
    feed: text(),
    status: oneOf(["discarded", "selected", "kept", "failed"], "selected: a dry run"),
    ...upload,
    reason: nullable(text("why it is kept, or was not discarded")),
  }),
  Type.Object({
    type: word("store"),
    feed: text(),
    status: word("failed"),
    reason: text("why the store of this feed was not cleaned"),
  }),
  Type.Object({
    type: word("summary"),
    dryRun: flag(),
    discarded: count("uploads; of a dry run: those that would be"),
    bytes: count("of these, as far as the provider reports sizes"),
    kept: count(),
    failed: count("uploads and stores"),
  }),
]);
export type StoreCleanLine = Static<typeof StoreCleanLine>;

export const StoreTestLine = Type.Union([
  Type.Object({
    type: word("step"),
    step: text(),
    ok: flag(),
    error: maybe(Type.Object({ code: text(), message: text(), hint: maybe(text()) })),
    milliseconds: count(),
  }),
  Type.Object({
    type: word("summary"),
    feed: text(),
    location: text(),
    ok: flag(),
    traits: nullable(TraitsResult, "null: a disk, or a step failed before"),
  }),
]);
export type StoreTestLine = Static<typeof StoreTestLine>;
