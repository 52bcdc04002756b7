import type { RangeSyntax } from "../versions/ranges/interval.ts";
import type { VersionScheme } from "../versions/scheme.ts";
import type { PackageType } from "./feed-types.ts";

/** A package file on local disk, as handed to a format. */
export interface PackageFile {
  /** Absolute path. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Base name as found; a hint, never the identity. */
  readonly name: string;
  /** All of it, where the caller has a small file in memory anyway: what is read here and hashed there is one content. */
  readonly bytes?: Buffer | undefined;
}

/** What a package says of itself. */
export interface PackageIdentity {
  /** npm scope without `@`, Maven groupId, ...; empty where the type has none. */
  group: string;
  /** As the manifest spells it. */
  name: string;
  /** Two packages of one feed with equal `group` and `nameKey` are the same package (NuGet ids ignore case, ...). */
  nameKey: string;
  /** As the manifest spells it. */
  version: string;
  /** By the ecosystem's rules; two files with equal normalised versions are the same version. */
  normalizedVersion: string;
  /** Byte order = version order. */
  sortKey: Buffer;
  prerelease: boolean;
  /** What tells apart files of one version, as `key=value` joined with `&`, keys sorted; empty where nothing does. */
  qualifier: string;
  /** Canonical key in the store; equal identities have equal keys, different ones different keys. See README of this folder. */
  key: string;
  contentType: string;
  /** Description, authors, licence, dependencies ... as the manifest has them; at most 64 KiB as JSON. */
  metadata: Record<string, unknown>;
  /** Oddities that do not forbid the import, one line each (the file name disagrees with the manifest, ...). */
  warnings: string[];
}

/** Where packages of some types belong, which they do not say themselves. */
export interface Place {
  distribution: string;
  component: string;
}

/** A place as a user names it: in part, or not at all. */
export type GivenPlace = { [Member in keyof Place]?: string | undefined };

/** The place counts for types with `Format.place` only. */
export interface ReadOptions extends GivenPlace {
  signal?: AbortSignal | undefined;
}

/**
 * One package type: how its package files are recognised and read, and how its versions are ordered. What is known of it
 * without its parser is in `feed-types.ts`.
 */
export interface Format {
  readonly type: PackageType;
  /**
   * Lower-case endings of its package files, for scanning folders: [".nupkg", ".snupkg"]. `[""]` is every file but the
   * sidecars, for types whose files may be called anything.
   */
  readonly extensions: readonly string[];
  /** Where files may be called anything: names that no other type has. A file with such a name that cannot be read is reported. */
  readonly usualNames?: RegExp;
  /** Types with the same container can read one another's files. The one that warns least, then the first in `index.ts`, wins. */
  readonly container?: string;
  readonly versions: VersionScheme;
  /** How the ecosystem writes version ranges. Undefined: it has none. */
  readonly ranges: RangeSyntax | undefined;
  /** For types with `hasPlaces` in `feed-types.ts`. */
  readonly place?: {
    /** With the defaults of what is not given. Throws `usage` for a name that cannot be one. */
    complete(given: GivenPlace): Place;
    /** Of a canonical key. */
    ofKey(key: string): Place | undefined;
  };
  /**
   * Reads identity and metadata from the package's own manifest, in bounded memory and time whatever the file holds.
   * Rejects with `invalid` and the reason; never with another error for any content.
   */
  read(file: PackageFile, options?: ReadOptions): Promise<PackageIdentity>;
  /**
   * Whether a file of this name accompanies packages and is none itself (checksums, a repository's own indexes): neither
   * imported nor reported. `read` checks a package against the checksums beside it. Absent: there are none.
   */
  isSidecar?(name: string): boolean;
  /**
   * `read` looks at other files of the folder, or of the folders around it: none of them may go before all are read.
   * Absent: it reads the file itself and nothing else.
   */
  readonly readsNeighbours?: boolean;
}
