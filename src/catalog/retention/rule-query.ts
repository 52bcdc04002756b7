import type { RetentionCriteria } from "../schema/retention-criteria.ts";

/** Sort keys between two bounds; null: open to that side. */
export interface KeyRange {
  /** Hex. */
  from: string | null;
  fromIncluded: boolean;
  to: string | null;
  toIncluded: boolean;
  /** Prereleases do not match. */
  stableOnly: boolean;
}

/** The criteria as SQL needs them: days have become dates, ranges sort keys. */
export interface QueryCriteria extends Omit<
  RetentionCriteria,
  "versionsRange" | "olderThanDays" | "keepUsedWithinDays" | "deleteHistory"
> {
  versionsRange?: readonly KeyRange[];
  /** Only what was published then or earlier matches. */
  olderThanDays?: Date;
  /** What was used since then is kept. */
  keepUsedWithinDays?: Date;
  /** Given for every rule of an asset directory; false: the current files. */
  deleteHistory?: boolean;
}

/** A rule as SQL needs it. */
export interface RuleQuery {
  position: number;
  /** What it looks at: versions of packages, or of an asset directory either its files or their earlier content. */
  of: "versions" | "files" | "history";
  criteria: QueryCriteria;
  protectAcross: boolean;
}
