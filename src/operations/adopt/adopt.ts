import type { FeedRow } from "../../catalog/feeds.ts";
import { loadFormat } from "../../formats/index.ts";
import type { Store } from "../../stores/store.ts";
import { openWriter, tryFinishPending } from "../commit/feed-writer.ts";
import { startRun } from "../commit/recorded-run.ts";
import type { Context } from "../context.ts";
import { requireActiveFeed } from "../feed-store/find-feed.ts";
import { openFeedStore, requireStore } from "../feed-store/open-feed-store.ts";
import { adoptAssets } from "./adopt-assets.ts";
import { adoptPackages } from "./adopt-packages.ts";
import type { AdoptedBlob } from "./outcome.ts";

export interface AdoptInput {
  feed: string;
  dryRun?: boolean | undefined;
  /** `file`: a version's publish date is its blob's modification time. Default: now. */
  publishedFrom?: "file" | "now" | undefined;
  distribution?: string | undefined;
  component?: string | undefined;
}

export interface AdoptSummary {
  type: "summary";
  feed: string;
  location: string;
  adopted: number;
  existing: number;
  conflicts: number;
  invalid: number;
  failed: number;
  skipped: number;
  /** How many of the invalid names begin with a slash. ProGet's target path `/` in Azure creates such names. */
  leadingSlash: number;
  /** Total size of the adopted blobs. */
  bytes: number;
}

export type AdoptEvent = AdoptedBlob | AdoptSummary;

/**
 * Catalogues the files that are already in the feed's store. No blob is moved: a row gets its blob's key, even when
 * that is not the canonical one. Blobs that are not packages are reported and left. Can be run again.
 */
export async function* adoptFeed(context: Context, input: AdoptInput): AsyncGenerator<AdoptEvent> {
  const { db } = await context.catalog();
  const feed = await requireActiveFeed(db, input.feed);
  const format = feed.type === "asset" ? undefined : await loadFormat(feed.type);
  await using run = input.dryRun === true ? undefined : await startRun(context, "adopt", feed.id);
  await using writer = run === undefined ? undefined : openWriter(context, feed, run, "exclusive");
  if (writer !== undefined) await tryFinishPending(context, writer);
  const row = await requireStore(db, feed);
  await using store = await openFeedStore(context, db, feed, row);
  const { publishedFrom, distribution, component } = input;
  const place = { feed, row, store, writer };
  const events =
    format === undefined
      ? adoptAssets(context, place)
      : adoptPackages(context, { ...place, format, publishedFrom, distribution, component });
  const summary = createSummary(feed, store);
  for await (const event of events) {
    count(summary, event);
    if (event.status !== "existing") yield event;
  }
  await run?.finish(summary);
  yield summary;
}

function createSummary(feed: FeedRow, store: Store): AdoptSummary {
  return {
    type: "summary",
    feed: feed.name,
    location: store.name,
    adopted: 0,
    existing: 0,
    conflicts: 0,
    invalid: 0,
    failed: 0,
    skipped: 0,
    leadingSlash: 0,
    bytes: 0,
  };
}

function count(summary: AdoptSummary, { status, file, size }: AdoptedBlob): void {
  summary[status === "conflict" ? "conflicts" : status]++;
  if (file.startsWith("/")) summary.leadingSlash++;
  if (status === "adopted") summary.bytes += size ?? 0;
}
