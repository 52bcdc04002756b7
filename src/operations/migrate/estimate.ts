import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { noPass, type PassSummary } from "./pass-log.ts";
import { sideBySide } from "../transfer/merge-listings.ts";

/** Bytes of a part of a large blob: 8 MiB, or more for blobs that would have too many. */
const PART = 8 * 1024 * 1024;
/** A page of a listing. */
const PAGE = 1000;
/** What a store behind a network usually bears, per second: a guess to plan with, told as such. */
const USUAL_RATE = { bytes: 50 * 1024 * 1024, requestsPerLane: 20 };

export interface MigrationEstimate {
  summary: PassSummary;
  requests: number;
  seconds: number;
}

/** What a migration would copy, by size alone, and what that would cost. Reads both listings and changes nothing. */
export async function planMigration(context: Context, source: Store, target: Store): Promise<MigrationEstimate> {
  const summary = { ...noPass };
  const { signal } = context;
  let requests = 0;
  let listed = 0;
  const pairs = sideBySide<{ from: BlobInfo; to: BlobInfo }>(
    { from: source.list("", { signal }), to: target.list("", { signal }) },
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
      if (target.localPath === undefined) requests += from.size > PART ? Math.ceil(from.size / PART) + 2 : 1;
    }
  }
  // a full pass, a delta pass and the look at the target before
  requests += 3 * Math.ceil(listed / PAGE) * [source, target].filter(({ localPath }) => localPath === undefined).length;
  const byBytes = summary.bytes / USUAL_RATE.bytes;
  const byRequests = requests / (USUAL_RATE.requestsPerLane * context.concurrency);
  return { summary, requests, seconds: Math.ceil(Math.max(byBytes, byRequests)) };
}
