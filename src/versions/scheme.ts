/** How one ecosystem reads and orders its version numbers. */
export interface VersionScheme {
  /** Normalised text by the ecosystem's own rules: two texts of one version normalise equally. Undefined: not a version. */
  normalize(text: string): string | undefined;
  /** Negative, zero or positive, by the ecosystem's own order. Both must be versions. */
  compare(a: string, b: string): number;
  /** Bytes whose `Buffer.compare` order equals `compare`: equal versions have equal keys. */
  sortKey(text: string): Buffer;
  isPrerelease(text: string): boolean;
}
