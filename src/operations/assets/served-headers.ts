import type { UserMetadata } from "../../catalog/schema/assets.ts";

/** What a blob is told of how it is served. Clouds answer with all of a blob's metadata, wanted as headers or not. */
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
