import { explainRule, whatKeeps, type RuleFinding } from "../catalog/explain-retention.ts";
import type { PackageVersion } from "../catalog/packages.ts";
import { FeedctlError } from "../errors.ts";
import { counted, formatSize } from "../lib/size.ts";
import type { Context } from "./context.ts";
import { findVersions, parsePackageSpec } from "./packages.ts";
import { planRetention } from "./plan-retention.ts";
import { compileRule } from "./retention-compile.ts";
import { criterionInfo, type CriterionName, type RetentionCriteria } from "./retention-criteria.ts";
import { ruleName, type RetentionRule } from "./retention-rules.ts";
import { ago, reasonOf } from "./retention-words.ts";

/** What one rule does with the version. */
export interface RuleVerdict {
  rule: number;
  ruleName: string | null;
  /**
   * `deletes`: it takes the version. `passes`: a filter does not select it. `keeps`: a criterion keeps it. `spared`: the
   * quota is reached before. `protected`: no rule may take it. `gone`: an earlier rule has. `off`: the rule is switched off.
   */
  verdict: "deletes" | "passes" | "keeps" | "spared" | "protected" | "gone" | "off";
  reason: string;
}

export interface Explanation {
  feed: string;
  group: string;
  name: string;
  version: string;
  goes: boolean;
  verdicts: RuleVerdict[];
}

/** Why a version stays or goes, rule by rule. */
export async function explainRetention(context: Context, feedName: string, text: string): Promise<Explanation> {
  const spec = parsePackageSpec(text);
  if (spec.version === undefined)
    throw new FeedctlError("usage", `which version of ${text}?`, { hint: `${text}@VERSION` });
  const version = (await findVersions(context, feedName, spec))[0] as PackageVersion;
  const verdicts: RuleVerdict[] = [];
  const now = context.now();
  const verdictOf = ({ position, name }: RetentionRule, verdict: RuleVerdict["verdict"], reason: string) =>
    verdicts.push({ rule: position, ruleName: name, verdict, reason });
  await using plan = await planRetention(context, feedName, async (db, feed, rule) => {
    const query = compileRule(feed.type, rule, now);
    const finding = await explainRule(db, feed.id, query, version.id);
    const keeper = await whatKeeps(db, version.id);
    if (finding === undefined) return verdictOf(rule, "gone", "an earlier rule has taken it");
    const of = { ...version, ...finding, normalizedVersion: version.version, lastUsedAt: version.lastUsedAt };
    const words = (names: readonly string[]) =>
      names.map((name) => unmet(rule.criteria, name as CriterionName, of, now)).join("; ");
    if (finding.unselected.length > 0) return verdictOf(rule, "passes", words(finding.unselected));
    if (finding.kept.length > 0) return verdictOf(rule, "keeps", words(finding.kept));
    if (keeper !== undefined) return verdictOf(rule, "protected", protection(keeper));
    if (finding.spared) return verdictOf(rule, "spared", quota(rule.criteria, finding));
    const bytes = version.files.reduce((sum, file) => sum + file.size, 0);
    return verdictOf(rule, "deletes", reasonOf(rule, feed.type, { ...of, bytes, files: version.files.length }, now));
  });
  const inOrder = plan.rules.map((rule): RuleVerdict => {
    const off = {
      rule: rule.position,
      ruleName: rule.name,
      verdict: "off",
      reason: `${ruleName(rule)} is switched off`,
    };
    return verdicts.find((each) => each.rule === rule.position) ?? (off as RuleVerdict);
  });
  const { group, name } = version;
  const goes = verdicts.some(({ verdict }) => verdict === "deletes");
  return { feed: plan.feed.name, group, name, version: version.version, goes, verdicts: inOrder };
}

type Keeper = NonNullable<Awaited<ReturnType<typeof whatKeeps>>>;

function protection({ protection: pattern, reason, rule }: Keeper): string {
  if (pattern === null) return `rule ${rule} keeps it, across rules`;
  return `package protect names it as ${pattern}${reason === null ? "" : ` (${reason})`}`;
}

/** Why a criterion does not let the rule have the version. */
function unmet(
  criteria: RetentionCriteria,
  name: CriterionName,
  of: Pick<PackageVersion, "publishedAt" | "downloads"> & { lastUsedAt: Date | null; place: number | null },
  now: Date,
): string {
  const value = criteria[name];
  const list = Array.isArray(value) ? value.join(", ") : "";
  switch (name) {
    case "deleteCached":
      return "it is not cached";
    case "deletePrereleaseVersions":
      return "it is no prerelease";
    case "deleteUnlisted":
      return "it is listed";
    case "deleteDeprecated":
      return "it is not deprecated";
    case "deleteSuperseded":
      return "it is no prerelease with a newer stable version";
    case "deletePackageIds":
      return `its name is not like ${list}`;
    case "keepPackageIds":
      return `its name is like ${list}`;
    case "deleteVersions":
      return `its version is not like ${list}`;
    case "keepVersions":
      return `its version is like ${list}`;
    case "versionsRange":
      return `its version is not within ${String(value)}`;
    case "keepVersionsCount":
      return `it is number ${of.place} of its ${lineOf(criteria)}, and the newest ${String(value)} are kept`;
    case "keepLastStable":
      return "it is the newest stable version of its package";
    case "keepStableNewer":
      return "it is stable and newer than the newest prerelease";
    case "olderThanDays":
      return `it was published ${ago(of.publishedAt, now)}, not ${String(value)} or more`;
    case "keepUsedWithinDays":
      return of.lastUsedAt === null
        ? `it was never used, but published only ${ago(of.publishedAt, now)} (limit: ${String(value)})`
        : `it was used ${ago(of.lastUsedAt, now)} (limit: ${String(value)})`;
    case "triggerDownloadCount":
      return `it has ${counted(of.downloads, "download")}, more than ${String(value)}`;
    default:
      return `--${criterionInfo(name)?.flag}`;
  }
}

function lineOf({ keepVersionsPer = "package" }: RetentionCriteria): string {
  return keepVersionsPer === "package" ? "package" : `${keepVersionsPer} line`;
}

function quota(criteria: RetentionCriteria, { bytesBefore, countBefore }: RuleFinding): string {
  const holder = criteria.sizeExclusive ? "the matching versions hold" : "the feed holds";
  const parts = [
    criteria.sizeTrigger === undefined || bytesBefore === null
      ? ""
      : `${holder} no more than ${formatSize(bytesBefore)} when its turn comes (limit: ${formatSize(criteria.sizeTrigger)})`,
    criteria.countTrigger === undefined || countBefore === null
      ? ""
      : `${holder} no more than ${counted(countBefore, "version")} when its turn comes (limit: ${criteria.countTrigger})`,
  ];
  return parts.filter((part) => part !== "").join("; ");
}
