import type { UserMetadata } from "../../catalog/schema/assets.ts";

/** The put options for how a blob is served. Providers send all of a blob's metadata as headers. */
export function servedAs({ cacheControl, metadata }: { cacheControl: string | null; metadata: UserMetadata }): {
  cacheControl: string | undefined;
  metadata: Record<string, string> | undefined;
} {
  const entries = Object.entries(metadata).map(([name, { value }]) => [name, value] as const);
  return {
    cacheControl: cacheControl ?? undefined,
    metadata: entries.length === 0 ? undefined : Object.fromEntries(entries),
  };
}
