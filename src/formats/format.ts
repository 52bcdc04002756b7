import type { RangeSyntax } from "../versions/ranges/interval.ts";
import type { VersionScheme } from "../versions/scheme.ts";
import type { PackageType } from "./feed-types.ts";

/** A package file on local disk, as handed to a format. */
export interface PackageFile {
  /** Absolute path from which its bytes are read. It may be that of an open file, whose folder `placeOf` knows. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Base name as found; a hint, never the identity. */
  readonly name: string;
  /** The whole content, when the caller has read a small file: then the format reads the same bytes that are hashed. */
  readonly bytes?: Buffer | undefined;
  /** Where it was found. Absent: at `path`. */
  readonly place?: FilePlace | undefined;
}

/** Where a package file was found. */
export interface FilePlace {
  /** Absolute path by name. */
  readonly path: string;
  /** A folder above it. Links below it are not followed, because others may have placed them. */
  readonly root: string;
}

/** Identity and metadata of a package, from its manifest. */
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
  /**
   * Distinguishes the files of one version: `key=value` joined with `&`, keys sorted. Empty for types with one file.
   */
  qualifier: string;
  /**
   * Canonical key in the store; equal identities have equal keys, different ones different keys. See README of this
   * folder.
   */
  key: string;
  contentType: string;
  /** Description, authors, licence, dependencies ... as the manifest has them; at most 64 KiB as JSON. */
  metadata: Record<string, unknown>;
  /** Why the package itself advises against using it; empty: without a reason. Absent: it does not. */
  deprecation?: string | undefined;
  /** Oddities that do not forbid the import, unescaped (the file name disagrees with the manifest, ...). */
  warnings: string[];
}

/** Where packages of some types belong; the package itself does not say so. */
export interface Place {
  distribution: string;
  component: string;
}

/** A place as a user names it: in part, or not at all. */
export type GivenPlace = { [Member in keyof Place]?: string | undefined };

/** What a version is called, without its spelling. */
export interface VersionName {
  group: string;
  name: string;
  version: string;
}

/** The place is used only by types with `Format.place`. */
export interface ReadOptions extends GivenPlace {
  signal?: AbortSignal | undefined;
  /** Versions of the feed that the file may belong to, for types with `Format.versionsIn`. */
  known?: readonly VersionName[] | undefined;
}

/**
 * One package type: how its package files are recognised and read, and how its versions are ordered. `feed-types.ts`
 * has what is needed without the parser.
 */
export interface Format {
  readonly type: PackageType;
  /**
   * Lower-case endings of its package files, for scanning folders: [".nupkg", ".snupkg"]. `[""]` is every file but the
   * sidecars, for types whose files may be called anything.
   */
  readonly extensions: readonly string[];
  /**
   * For types with `extensions` `[""]`: names that only this type has. Such a file is reported when it cannot be read.
   */
  readonly usualNames?: RegExp;
  /**
   * Types with the same container can read one another's files. The one that warns least, then the first in `index.ts`,
   * wins.
   */
  readonly container?: string;
  readonly versions: VersionScheme;
  /** How the ecosystem writes version ranges; undefined when it has none. */
  readonly ranges: RangeSyntax | undefined;
  /** For types with `hasPlaces` in `feed-types.ts`. */
  readonly place?: {
    /** Adds the defaults. Throws `usage` for an invalid name. */
    complete(given: GivenPlace): Place;
    /** The place in a canonical key; undefined for other keys. */
    ofKey(key: string): Place | undefined;
  };
  /**
   * Reads identity and metadata from the package's own manifest, in bounded memory and time whatever the file holds.
   * Rejects with `invalid` and the reason; never with another error for any content.
   */
  read(file: PackageFile, options?: ReadOptions): Promise<PackageIdentity>;
  /**
   * Whether a file of this name is not a package but accompanies packages (checksums, indexes of a repository).
   * Sidecars are neither imported nor reported; `read` checks a package against the checksums beside it. Absent: no
   * sidecars.
   */
  isSidecar?(name: string): boolean;
  /**
   * Keys of files that tools generate for a repository of this type: its indexes. They are left alone where a store is
   * adopted or verified. Absent: none are known.
   */
  readonly repositoryFiles?: RegExp;
  /**
   * `read` unpacks compressed tar archives to their end, so that nothing is left to prove that they are complete. Absent:
   * it does not.
   */
  readonly unpacksTarballs?: boolean;
  /**
   * Whether a file with this qualifier belongs to a version without making one: symbols, a provenance file. It is
   * imported only if the feed has the version's package. Absent: no such files.
   */
  isCompanion?(qualifier: string): boolean;
  /**
   * `read` also reads other files of the folder, or of folders around it: no source file may be removed before all are
   * read. Absent: it reads only the file itself.
   */
  readonly readsNeighbours?: boolean;
  /**
   * Whether reading the file called `other` may need the file `name` of the same folder: it is not deleted while the
   * other could not be imported. Absent: never.
   */
  isNeededBy?(name: string, other: string): boolean;
  /**
   * The versions that a file name may begin with, for a file whose neighbours do not say what it belongs to, because they
   * were imported before. Absent: file names say nothing.
   */
  versionsIn?(name: string): Omit<VersionName, "group">[];
}
