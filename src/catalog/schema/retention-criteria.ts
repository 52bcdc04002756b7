/**
 * Criteria that test a version, or a file of an asset directory, which must meet all that are set. Names are ProGet's.
 */
export interface TestCriteria {
  deleteCached?: true;
  deletePrereleaseVersions?: true;
  deleteUnlisted?: true;
  deleteDeprecated?: true;
  deleteSuperseded?: true;
  deletePackageIds?: string[];
  keepPackageIds?: string[];
  deleteVersions?: string[];
  keepVersions?: string[];
  versionsRange?: string;
  keepVersionsCount?: number;
  keepLastStable?: true;
  keepStableNewer?: true;
  olderThanDays?: number;
  keepUsedWithinDays?: number;
  triggerDownloadCount?: number;
  /** Bytes. */
  sizeTrigger?: number;
  countTrigger?: number;
  /** Asset directories: only earlier content that versioning keeps, instead of the current files. */
  deleteHistory?: true;
}

/** Options that change how a rule works. By themselves they select nothing. */
export interface RuleOptions {
  /** What `keepVersionsCount` counts apart: words of `KeepPer`, with commas between. */
  keepVersionsPer?: string;
  sizeExclusive?: true;
  /** Asset directories: folders that the rule has emptied are removed too. */
  removeEmptyFolders?: true;
}

/** A way to count the versions of a package apart: by number, by their files, or by what follows the number. */
export type KeepPer = "package" | "major" | "minor" | "distribution" | "architecture" | "platform" | "suffix";

/** The criteria and options of a rule, as stored in `retention_rules.criteria`. */
export interface RetentionCriteria extends TestCriteria, RuleOptions {}

export type TestName = keyof TestCriteria;
export type CriterionName = keyof RetentionCriteria;
