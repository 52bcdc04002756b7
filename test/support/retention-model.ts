import semver from "semver";
import type { RetentionCriteria } from "../../src/catalog/schema/retention-criteria.ts";

/** Reference model of retention for versions as npm writes them, written from docs/retention.md as simply as possible. */
export interface ModelVersion {
  id: number;
  /** As it is shown: `group/name` or `name`. */
  package: string;
  version: string;
  cached: boolean;
  listed: boolean;
  deprecated: boolean;
  /** Days before now. */
  published: number;
  used: number | null;
  downloads: number;
  bytes: number;
  hidden: boolean;
  /** For versions of Debian packages: where each of its files belongs. */
  files?: readonly ModelFile[] | undefined;
}

export interface ModelFile {
  distribution: string;
  architecture: string;
}

export interface ModelRule {
  enabled: boolean;
  protectAcrossRules: boolean;
  criteria: RetentionCriteria;
}

export interface ModelProtection {
  package: string;
  version: string;
}

/**
 * Ids to delete, with the position of the rule that selects them; under a quota in the order of deletion. Hidden versions
 * are counted in, but planned already.
 */
export function modelPlan(
  all: readonly ModelVersion[],
  rules: readonly ModelRule[],
  protections: readonly ModelProtection[],
): { id: number; rule: number }[] {
  const everywhere = new Set<ModelVersion>();
  for (const version of all)
    if (protections.some((each) => like(each.package, version.package) && like(each.version, version.version)))
      everywhere.add(version);
  for (const rule of rules) {
    if (!rule.enabled || !rule.protectAcrossRules) continue;
    for (const version of all) if (keepsAcross(rule.criteria, version, all)) everywhere.add(version);
  }

  const plan: { id: number; rule: number }[] = [];
  let left = all;
  for (const [index, { enabled, criteria }] of rules.entries()) {
    if (!enabled) continue;
    const deleted = selectForDeletion(criteria, left, everywhere, all);
    for (const { id, hidden } of deleted) if (!hidden) plan.push({ id, rule: index + 1 });
    left = left.filter((version) => !deleted.includes(version));
  }
  return plan;
}

function selectForDeletion(
  criteria: RetentionCriteria,
  left: readonly ModelVersion[],
  everywhere: ReadonlySet<ModelVersion>,
  all: readonly ModelVersion[],
): ModelVersion[] {
  const selected = left.filter((version) => isSelected(criteria, version, left));
  const matching = selected.filter((version) => !isKept(criteria, version, selected, left) && !everywhere.has(version));
  const { sizeTrigger = null, countTrigger = null, sizeExclusive } = criteria;
  if (sizeTrigger === null && countTrigger === null) return matching;
  const counted = sizeExclusive ? matching : left;
  let bytes = counted.reduce((sum, version) => sum + version.bytes, 0);
  let count = counted.length;
  const gone: ModelVersion[] = [];
  for (const version of matching.toSorted((a, b) => compareForQuota(a, b, all))) {
    if (sizeTrigger !== null && bytes <= sizeTrigger) break;
    if (countTrigger !== null && count <= countTrigger) break;
    gone.push(version);
    bytes -= version.bytes;
    count--;
  }
  return gone;
}

/** Order of deletion: cached versions first, then prereleases, older versions, least recently used. */
function compareForQuota(a: ModelVersion, b: ModelVersion, all: readonly ModelVersion[]): number {
  const newer = (version: ModelVersion) =>
    all.filter((other) => other.package === version.package && semver.gt(other.version, version.version)).length;
  return (
    Number(b.cached) - Number(a.cached) ||
    Number(isPrerelease(b)) - Number(isPrerelease(a)) ||
    newer(b) - newer(a) ||
    usedAgo(b) - usedAgo(a) ||
    a.id - b.id
  );
}

function isSelected(criteria: RetentionCriteria, version: ModelVersion, left: readonly ModelVersion[]): boolean {
  const newerStable = () =>
    left.some(
      (other) => other.package === version.package && !isPrerelease(other) && semver.gt(other.version, version.version),
    );
  if (criteria.deleteCached && !version.cached) return false;
  if (criteria.deletePrereleaseVersions && !isPrerelease(version)) return false;
  if (criteria.deleteUnlisted && version.listed) return false;
  if (criteria.deleteDeprecated && !version.deprecated) return false;
  if (criteria.deleteSuperseded && !(isPrerelease(version) && newerStable())) return false;
  if (criteria.deletePackageIds && !likeAny(criteria.deletePackageIds, version.package)) return false;
  if (criteria.keepPackageIds && likeAny(criteria.keepPackageIds, version.package)) return false;
  if (criteria.deleteVersions && !likeAny(criteria.deleteVersions, version.version)) return false;
  if (criteria.keepVersions && likeAny(criteria.keepVersions, version.version)) return false;
  return criteria.versionsRange === undefined || semver.satisfies(version.version, criteria.versionsRange);
}

function isKept(
  criteria: RetentionCriteria,
  version: ModelVersion,
  selected: readonly ModelVersion[],
  left: readonly ModelVersion[],
): boolean {
  const { keepVersionsCount, olderThanDays, keepUsedWithinDays, triggerDownloadCount } = criteria;
  if (olderThanDays !== undefined && version.published < olderThanDays) return true;
  if (keepUsedWithinDays !== undefined && usedAgo(version) <= keepUsedWithinDays) return true;
  if (triggerDownloadCount !== undefined && version.downloads > triggerDownloadCount) return true;
  if (keepVersionsCount !== undefined && isAmongNewest(criteria, version, selected)) return true;
  return isLastStable(criteria, version, left) || isNewerStable(criteria, version, left);
}

/** A version with files in several lines is kept when one of them keeps it. */
function isAmongNewest(criteria: RetentionCriteria, version: ModelVersion, selected: readonly ModelVersion[]): boolean {
  const { keepVersionsCount = 0, keepVersionsPer = "package" } = criteria;
  const per = keepVersionsPer.split(",");
  return linesOf(version, per).some((line) =>
    selected
      .filter((other) => other.package === version.package && linesOf(other, per).includes(line))
      .toSorted((a, b) => semver.compare(b.version, a.version))
      .slice(0, keepVersionsCount)
      .includes(version),
  );
}

function linesOf({ version, files = [] }: ModelVersion, per: readonly string[]): string[] {
  const parts: Record<string, (file: ModelFile | undefined) => string | number | undefined> = {
    package: () => "",
    major: () => semver.major(version),
    minor: () => `${semver.major(version)}.${semver.minor(version)}`,
    suffix: () => /[a-z]+/.exec(version)?.[0],
    distribution: (file) => file?.distribution,
    architecture: (file) => file?.architecture,
  };
  const places = files.length === 0 ? [undefined] : files;
  return places.map((file) => per.map((word) => String(parts[word]?.(file))).join(" "));
}

function isLastStable(criteria: RetentionCriteria, version: ModelVersion, left: readonly ModelVersion[]): boolean {
  if (!criteria.keepLastStable || isPrerelease(version)) return false;
  return !left.some(
    (other) => other.package === version.package && !isPrerelease(other) && semver.gt(other.version, version.version),
  );
}

function isNewerStable(criteria: RetentionCriteria, version: ModelVersion, left: readonly ModelVersion[]): boolean {
  if (!criteria.keepStableNewer || isPrerelease(version)) return false;
  const prereleases = left.filter((other) => other.package === version.package && isPrerelease(other));
  return prereleases.length > 0 && prereleases.every((other) => semver.gt(version.version, other.version));
}

function keepsAcross(criteria: RetentionCriteria, version: ModelVersion, all: readonly ModelVersion[]): boolean {
  const { keepPackageIds = [], keepVersions = [], keepUsedWithinDays, triggerDownloadCount } = criteria;
  if (likeAny(keepPackageIds, version.package) || likeAny(keepVersions, version.version)) return true;
  if (keepUsedWithinDays !== undefined && usedAgo(version) <= keepUsedWithinDays) return true;
  if (triggerDownloadCount !== undefined && version.downloads > triggerDownloadCount) return true;
  if (isLastStable(criteria, version, all) || isNewerStable(criteria, version, all)) return true;
  const selected = all.filter((each) => isSelected(criteria, each, all));
  return (
    criteria.keepVersionsCount !== undefined && selected.includes(version) && isAmongNewest(criteria, version, selected)
  );
}

function isPrerelease({ version }: ModelVersion): boolean {
  return semver.prerelease(version) !== null;
}

/** Days since the last use, or since publication for a version that was never used. */
function usedAgo({ used, published }: ModelVersion): number {
  return used ?? published;
}

function likeAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => like(pattern, text));
}

function like(pattern: string, text: string): boolean {
  const expression = pattern.replace(/^@/, "").split("*").map(RegExp.escape).join(".*");
  return new RegExp(`^${expression}$`, "is").test(text);
}
