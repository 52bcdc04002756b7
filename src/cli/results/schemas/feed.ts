import { Type, type Static } from "typebox";
import { count, flag, keptBlobs, nullable, oneOf, text, time } from "./parts.ts";
import { StoreResult } from "./store.ts";

export const FeedResult = Type.Object({
  id: count("never changes"),
  name: text(),
  type: text("package type, or asset"),
  description: nullable(text()),
  active: flag("false: the feed accepts nothing"),
  retentionRulesEnabled: flag(),
  dropPath: nullable(text()),
  createdAt: time(),
});
export type FeedResult = Static<typeof FeedResult>;

export const FeedListResult = Type.Object({ ...FeedResult.properties, store: text("type of its store") });
export type FeedListResult = Static<typeof FeedListResult>;

export const FeedDetailsResult = Type.Object({
  ...FeedResult.properties,
  packages: count(),
  versions: count(),
  files: count(),
  bytes: count(),
  store: StoreResult,
  migration: nullable(
    Type.Object({
      id: count(),
      state: oneOf(["copying", "paused", "ready", "switching", "switched", "retired", "cancelled", "rolled-back"]),
      to: text(),
      frozen: flag("the feed is read-only right now"),
    }),
    "the unfinished migration",
  ),
  earlierStores: Type.Array(
    Type.Object({ location: text(), replacedAt: nullable(time()), retiredAt: nullable(time()) }),
    { description: "newest first; files of the feed may still be there" },
  ),
});
export type FeedDetailsResult = Static<typeof FeedDetailsResult>;

export const ClearedCacheResult = Type.Object({ feed: text(), versions: count(), files: count(), ...keptBlobs });
export type ClearedCacheResult = Static<typeof ClearedCacheResult>;

export const FeedDeletedResult = Type.Union([
  Type.Object({
    feed: text(),
    purged: Type.Literal(false),
    files: count(),
    bytes: count(),
    filesAt: text("location of its files, which stay"),
    earlier: Type.Array(text(), { description: "earlier stores that may still hold files of the feed" }),
  }),
  Type.Object({
    feed: text(),
    purged: Type.Literal(true),
    deleted: count("files"),
    left: count("files unknown to the catalog, which stay"),
    location: text(),
    earlier: Type.Array(text(), { description: "earlier stores, whose files stay" }),
    ...keptBlobs,
  }),
]);
export type FeedDeletedResult = Static<typeof FeedDeletedResult>;
