import { explainRule, whatKeeps, type RuleFinding } from "../../catalog/retention/explain.ts";
import type { PackageVersion } from "../../catalog/packages.ts";
import { findPlanned } from "../../catalog/retention/assets.ts";
import type { PlannedVersion } from "../../catalog/retention/plan.ts";
import { FeedctlError } from "../../errors.ts";
import { counted, formatSize } from "../../lib/format-size.ts";
import { parseFolder } from "../assets/paths.ts";
import type { Context } from "../context.ts";
import { findItem, requireDirectory } from "../assets/require-asset.ts";
import { requireFeed } from "../feed-store/find-feed.ts";
import { findVersions, parsePackageSpec } from "../packages/packages.ts";
import { planRetention } from "./plan.ts";
import { protectionName } from "./protections.ts";
import { compileRule } from "./compile-rule.ts";
import { criterionInfo, type CriterionName, type RetentionCriteria } from "./criteria.ts";
import { ruleName, type RetentionRule } from "./rules.ts";
import { termsOf } from "./terms.ts";
import { ago, publishedWord, reasonOf } from "./words.ts";

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
  /** Of an asset, whole. */
  path?: string;
  goes: boolean;
  verdicts: RuleVerdict[];
}

type Explained = Omit<PlannedVersion, "number" | "rule">;

async function findVersion(context: Context, feedName: string, text: string): Promise<Explained> {
  const spec = parsePackageSpec(text);
  if (spec.version === undefined)
    throw new FeedctlError("usage", `which version of ${text}?`, { hint: `${text}@VERSION` });
  const version = (await findVersions(context, feedName, spec))[0] as PackageVersion;
  return {
    ...version,
    path: null,
    kept: null,
    place: null,
    bytesBefore: null,
    countBefore: null,
    normalizedVersion: version.version,
    bytes: version.files.reduce((sum, file) => sum + file.size, 0),
    files: version.files.length,
  };
}

/** A file by its path, or its earlier content as `path@number`. */
async function findAsset(context: Context, feedName: string, text: string): Promise<Explained> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, feedName);
  const path = parseFolder(text);
  const found = await findItem(db, feed.id, path);
  if (found !== undefined && "folder" in found) throw new FeedctlError("usage", `${path || "/"} is a folder, no file`);
  const [, earlier, number] = /^(.+)@([0-9]{1,15})$/.exec(path) ?? [];
  const id = found?.file.id ?? (number === undefined ? undefined : Number(number));
  const item = id === undefined ? undefined : await findPlanned(db, feed.id, id);
  if (item !== undefined && (found !== undefined || (item.kept !== null && item.path === earlier))) return item;
  throw new FeedctlError("not-found", `asset directory "${feed.name}" has no ${path}`, {
    hint: `earlier content is meant by path@version, as shown by: feedctl asset history ${feed.name}`,
  });
}

/** Why a version, or a file, stays or goes, rule by rule. */
export async function explainRetention(context: Context, feedName: string, text: string): Promise<Explanation> {
  const { db: catalog } = await context.catalog();
  const isAsset = (await requireFeed(catalog, feedName)).type === "asset";
  const version = await (isAsset ? findAsset(context, feedName, text) : findVersion(context, feedName, text));
  const verdicts: RuleVerdict[] = [];
  const now = context.now();
  const verdictOf = ({ position, name }: RetentionRule, verdict: RuleVerdict["verdict"], reason: string) =>
    verdicts.push({ rule: position, ruleName: name, verdict, reason });
  await using plan = await planRetention(context, feedName, async (db, feed, rule) => {
    const query = compileRule(feed.type, rule, now);
    const finding = await explainRule(db, feed.id, query, version.id);
    const keeper = await whatKeeps(db, version.id);
    if (finding === undefined) return verdictOf(rule, "gone", "an earlier rule has taken it");
    const { place, bytesBefore, countBefore } = finding;
    const of = { ...version, place, bytesBefore, countBefore };
    const words = (names: readonly string[]) =>
      names.map((name) => unmet(feed.type, rule.criteria, name as CriterionName, of, now)).join("; ");
    // a rule that is for something else says nothing more
    if (finding.unselected.includes("deleteHistory")) return verdictOf(rule, "passes", words(["deleteHistory"]));
    if (finding.unselected.length > 0) return verdictOf(rule, "passes", words(finding.unselected));
    if (finding.kept.length > 0) return verdictOf(rule, "keeps", words(finding.kept));
    if (keeper !== undefined) return verdictOf(rule, "protected", protection(feed.type, keeper));
    if (finding.spared) return verdictOf(rule, "spared", quota(feed.type, rule.criteria, finding));
    return verdictOf(rule, "deletes", reasonOf(rule, feed.type, of, now));
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
  const { group, name, path } = version;
  const goes = verdicts.some(({ verdict }) => verdict === "deletes");
  return {
    feed: plan.feed.name,
    group,
    name,
    version: version.version,
    ...(path !== null && { path }),
    goes,
    verdicts: inOrder,
  };
}

type Keeper = NonNullable<Awaited<ReturnType<typeof whatKeeps>>>;

function protection(feedType: string, { package: named, version, reason, rule }: Keeper): string {
  if (named === null || version === null) return `rule ${rule} keeps it, across rules`;
  const pattern = protectionName(feedType, { package: named, version });
  return `package protect names it as ${pattern}${reason === null ? "" : ` (${reason})`}`;
}

/** Why a criterion does not let the rule have the version. */
function unmet(
  feedType: string,
  criteria: RetentionCriteria,
  name: CriterionName,
  of: Pick<PlannedVersion, "publishedAt" | "downloads" | "lastUsedAt" | "place" | "path" | "kept">,
  now: Date,
): string {
  const value = criteria[name];
  const list = Array.isArray(value) ? value.join(", ") : "";
  const { name: what } = termsOf(feedType, criteria);
  const published = publishedWord(of);
  switch (name) {
    case "deleteHistory":
      return of.kept === null ? "it is no earlier content" : "the rule is for files, not for earlier content";
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
      return `its ${what} is not like ${list}`;
    case "keepPackageIds":
      return `its ${what} is like ${list}`;
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
      return `it was ${published} ${ago(of.publishedAt, now)}, not ${String(value)} or more`;
    case "keepUsedWithinDays":
      return of.lastUsedAt === null || (of.path !== null && of.publishedAt > of.lastUsedAt)
        ? `it was ${of.lastUsedAt === null ? "never" : "not lately"} used, but ${published} only ${ago(of.publishedAt, now)} (limit: ${String(value)})`
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

function quota(feedType: string, criteria: RetentionCriteria, { bytesBefore, countBefore }: RuleFinding): string {
  const { holder, item } = termsOf(feedType, criteria);
  const parts = [
    criteria.sizeTrigger === undefined || bytesBefore === null
      ? ""
      : `${holder} no more than ${formatSize(bytesBefore)} when its turn comes (limit: ${formatSize(criteria.sizeTrigger)})`,
    criteria.countTrigger === undefined || countBefore === null
      ? ""
      : `${holder} no more than ${counted(countBefore, item)} when its turn comes (limit: ${criteria.countTrigger})`,
  ];
  return parts.filter((part) => part !== "").join("; ");
}
