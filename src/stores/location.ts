import { diskLocation } from "./disk/location.ts";
import type { DiskView } from "./disk/location.ts";
import { azureHost, s3Host } from "./location-host.ts";
import { parseTargetPath } from "./key.ts";
import type { StoreConfig } from "./store-types.ts";

/**
 * Where a store's blobs are, whichever way its configuration spells it. Holds no secrets. Plain JSON, because the
 * catalog keeps it of stores whose secrets are not at hand.
 */
export interface Location {
  type: StoreConfig["type"];
  /** Server and bucket, or account and container; on disk the drive or share. Different places never overlap. */
  place: string;
  /** The folders below that. */
  segments: string[];
  /** A disk on which `A` and `a` are one folder. */
  ignoresCase: boolean;
}

/** `a` is the same place as `b`, lies inside it, or contains it. */
export type Overlap = "same" | "inside" | "contains";

/**
 * The location of a store. Throws `usage` for an endpoint or connection string that names no server. `disk` says how
 * the disk is asked for links and letter case; by default the real one is.
 */
export function locationOf(config: StoreConfig, disk: DiskView = {}): Location {
  switch (config.type) {
    case "disk":
      return { type: "disk", ...diskLocation(config.path, disk) };
    case "s3": {
      const place = `${s3Host(config.endpoint, config.bucket)}/${config.bucket}`;
      return { type: "s3", place, segments: prefixSegments(config.targetPath), ignoresCase: false };
    }
    case "azure": {
      const place = `${azureHost(config)}/${config.container.toLowerCase()}`;
      return { type: "azure", place, segments: prefixSegments(config.targetPath), ignoresCase: false };
    }
  }
}

/**
 * How two locations overlap; undefined when they share nothing. Two feeds in overlapping locations would list, migrate
 * and delete one another's files.
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

/** For messages: a path on disk, `s3://bucket/path`, `azure https://account.blob.core.windows.net/container/path`. */
export function locationName({ type, place, segments }: Location): string {
  if (type === "disk") return place + segments.join(place.includes("\\") ? "\\" : "/");
  const path = [place, ...segments].join("/");
  if (type === "azure") return `azure https://${path}`;
  const slash = place.lastIndexOf("/");
  const host = place.slice(0, slash);
  const name = `s3://${[place.slice(slash + 1), ...segments].join("/")}`;
  return host === "aws" ? name : `${name} at ${host}`;
}

function prefixSegments(targetPath: string | undefined): string[] {
  return parseTargetPath(targetPath ?? "")
    .split("/")
    .slice(0, -1);
}
