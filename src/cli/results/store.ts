import type { FeedStore } from "../../operations/feeds/feeds.ts";
import type { ShownStore, StoreChange, StoreTypeInfo, StoreUsage } from "../../operations/stores/set-store.ts";
import type { StoreMark } from "../../operations/stores/mark-store.ts";
import type { ProbeEvent, ProbeSummary } from "../../operations/stores/test-store.ts";
import type * as result from "./schemas/store.ts";

export function storeResult({ type, location, because, options }: FeedStore): result.StoreResult {
  return { type, location, because, options };
}

export function storeOfFeedResult(shown: ShownStore): result.StoreOfFeedResult {
  const { deletes, failed } = shown.waiting;
  return {
    feed: shown.feed,
    ...storeResult(shown),
    waiting: {
      deletes,
      failed: failed.map(({ key, since, attempts, reason, nextTry }) => ({ key, since, attempts, reason, nextTry })),
    },
  };
}

export function storeTypeResult({ type, title, options }: StoreTypeInfo): result.StoreTypeResult {
  return {
    type,
    title,
    options: options.map(({ property, flag, value, description, secret, proget }) => ({
      property,
      flag,
      value,
      description,
      secret,
      proget,
    })),
  };
}

export function storeChangeResult({ feed, outcome, store, before, leftBehind }: StoreChange): result.StoreChangeResult {
  const { packages, versions, files, bytes } = leftBehind;
  return {
    feed,
    outcome,
    store: storeResult(store),
    before: storeResult(before),
    leftBehind: { packages, versions, files, bytes },
  };
}

export function storeMarkResult({ feed, location, found, of }: StoreMark): result.StoreMarkResult {
  return { feed, location, found, of };
}

export function storeUsageResult({ feed, location, catalog, store, foreign }: StoreUsage): result.StoreUsageResult {
  return {
    feed,
    location,
    catalog: { files: catalog.files, bytes: catalog.bytes },
    store: { blobs: store.blobs, bytes: store.bytes },
    foreign,
  };
}

export function storeTestLine(event: ProbeEvent | ProbeSummary): result.StoreTestLine {
  if (event.type === "summary") {
    const { type, feed, location, ok } = event;
    return { type, feed, location, ok };
  }
  const { type, step, ok, error, milliseconds } = event;
  const why = error && { code: error.code, message: error.message, hint: error.hint };
  return { type, step, ok, error: why, milliseconds };
}
