import type { FeedStore } from "../../operations/feeds/feeds.ts";
import type { StoreChange, StoreTypeInfo } from "../../operations/stores/set-store.ts";
import type { ShownStore, StoreUsage } from "../../operations/stores/show-store.ts";
import type { FoundUpload } from "../../operations/commit/unfinished.ts";
import type { CleanEvent } from "../../operations/stores/clean-store.ts";
import type { StoreMark } from "../../operations/stores/mark-store.ts";
import type { ProbeEvent, ProbeSummary } from "../../operations/stores/test-store.ts";
import type { StoreTraits } from "../../stores/traits.ts";
import type * as result from "./schemas/store.ts";

export function storeResult({ type, location, because, options }: FeedStore): result.StoreResult {
  return { type, location, because, options };
}

export function storeOfFeedResult(shown: ShownStore): result.StoreOfFeedResult {
  const { deletes, failed } = shown.waiting;
  return {
    feed: shown.feed,
    ...storeResult(shown),
    earlier: shown.earlier,
    traits: shown.traits && traitsResult(shown.traits),
    askedAt: shown.askedAt,
    waiting: {
      deletes,
      failed: failed.map(({ key, since, attempts, reason, nextTry }) => ({ key, since, attempts, reason, nextTry })),
    },
  };
}

function traitsResult(traits: StoreTraits): result.TraitsResult {
  const { versioning = null, softDeleteDays = null, lock, lifecycle } = traits;
  return {
    versioning,
    softDeleteDays,
    lock: lock === undefined ? null : { mode: lock.mode, days: lock.days },
    lifecycle: lifecycle?.map(({ does, days, to, prefix }) => ({ does, days, to, prefix })) ?? null,
    sortedList: traits.sortedList ?? null,
    bulkDelete: traits.bulkDelete ?? null,
    conditionalCreate: traits.conditionalCreate ?? null,
    md5Tags: traits.md5Tags ?? null,
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

export function storeChangeResult({
  feed,
  outcome,
  store,
  before,
  traits,
  leftBehind,
}: StoreChange): result.StoreChangeResult {
  const { packages, versions, files, bytes } = leftBehind;
  return {
    feed,
    outcome,
    store: storeResult(store),
    before: storeResult(before),
    traits: traits && traitsResult(traits),
    leftBehind: { packages, versions, files, bytes },
  };
}

export function storeMarkResult({ feed, location, found, of }: StoreMark): result.StoreMarkResult {
  return { feed, location, found, of };
}

export function storeUsageResult(usage: StoreUsage): result.StoreUsageResult {
  const { feed, location, catalog, store, archived, kept, unfinished, unfinishedUnknown, foreign } = usage;
  return {
    feed,
    location,
    catalog: { files: catalog.files, bytes: catalog.bytes },
    store: { blobs: store.blobs, bytes: store.bytes },
    archived: { blobs: archived.blobs, bytes: archived.bytes },
    kept: kept && { blobs: kept.blobs, bytes: kept.bytes },
    unfinished: unfinished && {
      uploads: unfinished.uploads,
      ours: unfinished.ours,
      bytes: unfinished.bytes,
      listed: unfinished.listed.map(uploadResult),
    },
    unfinishedUnknown,
    foreign,
  };
}

function uploadResult({ name, since, bytes, isOurs }: FoundUpload) {
  return { name, since: since ?? null, bytes: bytes ?? null, ours: isOurs };
}

export function storeCleanLine(event: CleanEvent): result.StoreCleanLine {
  if (event.type === "upload") {
    const { type, feed, status, reason } = event;
    return { type, feed, status, ...uploadResult(event), reason };
  }
  if (event.type === "store") {
    const { type, feed, status, reason } = event;
    return { type, feed, status, reason };
  }
  const { type, dryRun, discarded, bytes, kept, failed } = event;
  return { type, dryRun, discarded, bytes, kept, failed };
}

export function storeTestLine(event: ProbeEvent | ProbeSummary): result.StoreTestLine {
  if (event.type === "summary") {
    const { type, feed, location, ok, traits } = event;
    return { type, feed, location, ok, traits: traits && traitsResult(traits) };
  }
  const { type, step, ok, error, milliseconds } = event;
  const why = error && { code: error.code, message: error.message, hint: error.hint };
  return { type, step, ok, error: why, milliseconds };
}
