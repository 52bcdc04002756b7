/** How one ecosystem reads and orders its version numbers. */
export interface VersionScheme {
  /**
   * The canonical text by the ecosystem's rules: the same for every spelling of a version. Undefined: not a version.
   */
  normalize(text: string): string | undefined;
  /** Negative, zero or positive, by the ecosystem's order. Throws `invalid` unless both are versions. */
  compare(a: string, b: string): number;
  /** Bytes whose `Buffer.compare` order equals `compare`. Equal versions have equal keys. Throws `invalid`. */
  sortKey(text: string): Buffer;
  isPrerelease(text: string): boolean;
}
