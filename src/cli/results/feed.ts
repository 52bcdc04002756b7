import type { ClearedCache } from "../../operations/packages/clear-cached.ts";
import type { Feed, FeedDetails } from "../../operations/feeds/feeds.ts";
import type { PurgeResult } from "../../operations/feeds/purge-feed.ts";
import { keptMembers } from "./kept.ts";
import type * as result from "./schemas/feed.ts";
import { storeResult } from "./store.ts";

export function feedResult(feed: Feed): result.FeedResult {
  const { id, name, type, description, active, retentionRulesEnabled, dropPath, createdAt } = feed;
  return { id, name, type, description, active, retentionRulesEnabled, dropPath, createdAt };
}

export function feedListResult(feed: Feed & { store: string }): result.FeedListResult {
  return { ...feedResult(feed), store: feed.store };
}

export function feedDetailsResult(feed: FeedDetails): result.FeedDetailsResult {
  const { packages, versions, files, bytes, store, migration, earlierStores } = feed;
  return {
    ...feedResult(feed),
    packages,
    versions,
    files,
    bytes,
    store: storeResult(store),
    migration: migration && {
      id: migration.id,
      state: migration.state,
      to: migration.to,
      frozen: migration.frozen,
    },
    earlierStores: earlierStores.map(({ location, replacedAt, retiredAt }) => ({ location, replacedAt, retiredAt })),
  };
}

export function clearedCacheResult(cleared: ClearedCache): result.ClearedCacheResult {
  const { feed, versions, files } = cleared;
  return { feed, versions, files, ...keptMembers(cleared) };
}

export function purgedResult(gone: PurgeResult): result.FeedDeletedResult {
  const { feed, purged, deleted, left, location, earlier } = gone;
  return { feed, purged, deleted, left, location, earlier, ...keptMembers(gone) };
}
