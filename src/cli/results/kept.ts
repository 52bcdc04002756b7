import type { KeptBlobs } from "../../operations/feed-store/store-traits.ts";

export function keptMembers({ keptByProvider: kept }: { keptByProvider: KeptBlobs | null }) {
  return { keptBlobs: kept?.blobs ?? 0, keptBy: kept?.by ?? null, keptUntil: kept?.until ?? null };
}
