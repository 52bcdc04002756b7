import type { RetentionCriteria } from "../schema/retention-criteria.ts";

/** A range of sort keys. A bound that is null is open. */
export interface KeyRange {
  /** Hex. */
  from: string | null;
  fromIncluded: boolean;
  to: string | null;
  toIncluded: boolean;
  /** Prereleases do not match. */
  stableOnly: boolean;
}

/**
 * What divides the versions of a package. By number: `major`, `minor`. By the letters after it: `suffix`, and `tag` with
 * their number (`el9` of an RPM package). By its files: a `member` of their qualifiers, or the platform of a wheel.
 */
export type Division = "major" | "minor" | "suffix" | "tag" | "wheel" | { readonly member: string };

/** The criteria as SQL needs them: days have become dates, ranges sort keys. */
export interface QueryCriteria extends Omit<
  RetentionCriteria,
  "versionsRange" | "olderThanDays" | "keepUsedWithinDays" | "deleteHistory" | "keepVersionsPer"
> {
  versionsRange?: readonly KeyRange[];
  keepVersionsPer?: readonly Division[];
  /** Matches items published at this time or earlier. */
  olderThanDays?: Date;
  /** Keeps items used at this time or later. */
  keepUsedWithinDays?: Date;
  /** Set for every rule of an asset directory; false selects the current files. */
  deleteHistory?: boolean;
}

/** A rule as SQL needs it. */
export interface RuleQuery {
  position: number;
  /** What the rule looks at: versions of packages, or the current files or earlier content of an asset directory. */
  of: "versions" | "files" | "history";
  criteria: QueryCriteria;
  protectAcross: boolean;
}
