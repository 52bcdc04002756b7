const KiB = 1024;
const MiB = 1024 * KiB;

/** How much of a package file is read. A file beyond a limit is refused, so that it cannot exhaust memory or time. */
export const limits = {
  /** Bytes of one manifest, uncompressed. */
  manifest: MiB,
  /** Uncompressed bytes of a stream that must be read to its end. */
  inflated: 4096 * MiB,
  /** Uncompressed bytes per compressed byte; only long runs of one byte reach it. */
  ratio: 1000,
  /** Uncompressed bytes from which the ratio is checked: a small file of one repeated byte is harmless. */
  ratioFrom: 8 * MiB,
  /** Entries of a tar archive, extension headers included. */
  tarEntries: 65_535,
  /** Entries of a zip archive: listing as many takes about a second. */
  zipEntries: 100_000,
  /** Bytes of a zip archive's directory, which has to be in memory as a whole. */
  zipDirectory: 64 * MiB,
  /** Bytes of a pax header or GNU long name. */
  tarExtension: MiB,
  /** Bytes of a wheel's RECORD, which has a line for every file. */
  wheelRecord: 16 * MiB,
  /** Nesting of XML elements. */
  xmlDepth: 64,
  /** Nesting of YAML collections. */
  yamlDepth: 64,
  /** Tokens of a YAML manifest: twice as many as a mebibyte of short lines has. */
  yamlTokens: 400_000,
  /** Fields of one paragraph of headers. */
  headerFields: 20_000,
  /** Bytes of a Debian package's control archive, before and after unpacking. */
  controlArchive: 16 * MiB,
  /**
   * Bytes of one header of an RPM package, as in rpm itself. All are hashed, but only requested tags are kept in
   * memory.
   */
  rpmHeader: 256 * MiB,
  /** Tags of one header of an RPM package, as in rpm itself. */
  rpmTags: 65_535,
  /** Bytes of an Alpine package before its data: signatures and control archive, before and after unpacking. */
  alpineControl: 4 * MiB,
  /** Bytes of a package's metadata as JSON. */
  metadata: 64 * KiB,
} as const;
