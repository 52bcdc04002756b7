import type { Location } from "../lib/location.ts";
import { directoryConfig, requireProvider, type StoreConfig } from "./providers.ts";

/** Location `a` is the same as `b`, is inside it, or contains it. */
export type Overlap = "same" | "inside" | "contains";

/** The location of a store. Throws `usage` for an endpoint or connection string that names no server. */
export function locationOf(config: StoreConfig): Location {
  return requireProvider(config.type).locate(config);
}

/** The location of a directory on this machine. */
export function directoryLocation(path: string): Location {
  return locationOf(directoryConfig(path));
}

/**
 * How two locations overlap; undefined when they do not. Two feeds in overlapping locations would list, migrate and
 * delete each other's files.
 */
export function overlap(a: Location, b: Location): Overlap | undefined {
  const ignoresCase = a.ignoresCase || b.ignoresCase;
  const fold = (text: string) => (ignoresCase ? text.normalize("NFC").toUpperCase().toLowerCase() : text);
  if (a.type !== b.type || fold(a.place) !== fold(b.place)) return undefined;
  const shared = Math.min(a.segments.length, b.segments.length);
  for (let i = 0; i < shared; i++) if (fold(a.segments[i]!) !== fold(b.segments[i]!)) return undefined;
  if (a.segments.length === b.segments.length) return "same";
  return a.segments.length > b.segments.length ? "inside" : "contains";
}

/** For messages: a path on disk, `s3://bucket/path`, `azure account.blob.core.windows.net/container/path`. */
export function locationName(location: Location): string {
  return requireProvider(location.type).locationName(location);
}
