/**
 * A storage location, in one spelling however its configuration spells it. Contains no secrets. Plain JSON, so that a
 * database can keep it.
 */
export interface Location {
  /** The kind of storage. Locations of different kinds never overlap. */
  type: string;
  /** Server and bucket, or account and container; on disk the drive or share. Different places never overlap. */
  place: string;
  /** The folders below `place`. */
  segments: string[];
  /** Whether `A` and `a` are the same folder. */
  ignoresCase: boolean;
}
