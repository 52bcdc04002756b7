import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { noPass, type PassSummary } from "./pass-log.ts";
import { sideBySide } from "../transfer/merge-listings.ts";
import type { Preserve } from "../transfer/preserve.ts";

/** Part size of large blobs, in bytes. Very large blobs have larger parts. */
const PART = 8 * 1024 * 1024;
/** Entries in a page of a listing. */
const PAGE = 1000;
/** Assumed rate of a store behind a network, per second. A guess; the message names it. */
const USUAL_RATE = { bytes: 50 * 1024 * 1024, requestsPerTransfer: 20 };

export interface MigrationEstimate {
  summary: PassSummary;
  requests: number;
  seconds: number;
}

/**
 * Estimates what a migration would copy, comparing sizes only, and its cost. Reads both listings and changes nothing.
 */
export async function planMigration(
  context: Context,
  source: Store,
  target: Store,
  preserve: Preserve,
): Promise<MigrationEstimate> {
  const summary = { ...noPass };
  const { signal } = context;
  let requests = 0;
  let listed = 0;
  const pairs = sideBySide<{ from: BlobInfo; to: BlobInfo }>(
    {
      from: source.list("", { signal, onForeign: (_, problem) => problem && summary.failed++ }),
      to: target.list("", { signal }),
    },
    { from: source.name, to: target.name },
  );
  for await (const { from, to } of pairs) {
    listed++;
    if (from === undefined) summary.foreign++;
    else if (to?.size === from.size) summary.same++;
    else {
      summary.copied++;
      summary.bytes += from.size;
      if (source.localPath === undefined) requests += Math.max(1, Math.ceil(from.size / PART));
      if (preserve.tags) requests++;
      if (target.localPath === undefined) requests += from.size > PART ? Math.ceil(from.size / PART) + 2 : 1;
    }
  }
  // listings are read by a full pass, by a delta pass and once before
  requests += 3 * Math.ceil(listed / PAGE) * [source, target].filter(({ localPath }) => localPath === undefined).length;
  const byBytes = summary.bytes / USUAL_RATE.bytes;
  const byRequests = requests / (USUAL_RATE.requestsPerTransfer * context.concurrency);
  return { summary, requests, seconds: Math.ceil(Math.max(byBytes, byRequests)) };
}
