import { explainRule, findProtection } from "../../catalog/retention/explain.ts";
import type { PackageVersion } from "../../catalog/packages.ts";
import { findPlanned } from "../../catalog/retention/assets.ts";
import type { PlannedVersion } from "../../catalog/retention/plan.ts";
import type { CriterionName } from "../../catalog/schema/retention-criteria.ts";
import { FeedctlError } from "../../errors.ts";
import { parseFolder } from "../assets/paths.ts";
import type { Context } from "../context.ts";
import { findItem, requireDirectory } from "../assets/require-asset.ts";
import { requireFeed } from "../feed-store/find-feed.ts";
import { requireVersions, parsePackageSpec } from "../packages/packages.ts";
import { planRetention } from "./plan.ts";
import { protectionName } from "./protection-name.ts";
import { compileRule } from "./compile-rule.ts";
import { ruleName, type RetentionRule } from "./criteria.ts";
import { wrongKind } from "./criteria/selecting.ts";
import { quotaNames, reasonOf, unmetReasons } from "./words.ts";

/** What one rule does with the version, or the file. */
export interface RuleVerdict {
  rule: number;
  ruleName: string | null;
  /**
   * `deletes`: the rule deletes it. `passes`: a criterion does not select it. `keeps`: a criterion keeps it. `spared`:
   * the limit is met before its turn. `protected`: no rule may delete it. `gone`: an earlier rule deletes it. `off`:
   * the rule is switched off.
   */
  verdict: "deletes" | "passes" | "keeps" | "spared" | "protected" | "gone" | "off";
  reason: string;
}

export interface Explanation {
  feed: string;
  group: string;
  name: string;
  version: string;
  /** Full path; only for an asset. */
  path?: string;
  /** Whether a rule deletes it. */
  goes: boolean;
  verdicts: RuleVerdict[];
}

type ExplainedItem = Omit<PlannedVersion, "number" | "rule">;

async function requireVersion(context: Context, feedName: string, text: string): Promise<ExplainedItem> {
  const spec = parsePackageSpec(text);
  if (spec.version === undefined)
    throw new FeedctlError("usage", `which version of ${text}?`, { hint: `${text}@VERSION` });
  const version = (await requireVersions(context, feedName, spec))[0] as PackageVersion;
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

/** A file by its path, or earlier content by `path@number`. Throws `not-found`. */
async function requireAssetItem(context: Context, feedName: string, text: string): Promise<ExplainedItem> {
  const { db } = await context.catalog();
  const feed = await requireDirectory(db, feedName);
  const path = parseFolder(text);
  const found = await findItem(db, feed.id, path);
  if (found !== undefined && "folder" in found)
    throw new FeedctlError("usage", `${path || "/"} is a folder, not a file`);
  const [, earlier, number] = /^(.+)@([0-9]{1,15})$/.exec(path) ?? [];
  const id = found?.file.id ?? (number === undefined ? undefined : Number(number));
  const item = id === undefined ? undefined : await findPlanned(db, feed.id, id);
  if (item !== undefined && (found !== undefined || (item.kept !== null && item.path === earlier))) return item;
  throw new FeedctlError("not-found", `asset directory "${feed.name}" has no ${path}`, {
    hint: `earlier content is named path@version; see: feedctl asset history ${feed.name}`,
  });
}

/** Explains, rule by rule, why a version or a file is deleted or kept. Throws `not-found`. */
export async function explainRetention(context: Context, feedName: string, text: string): Promise<Explanation> {
  const { db: catalog } = await context.catalog();
  const isAsset = (await requireFeed(catalog, feedName)).type === "asset";
  const version = await (isAsset ? requireAssetItem(context, feedName, text) : requireVersion(context, feedName, text));
  const verdicts: RuleVerdict[] = [];
  const now = context.now();
  const verdictOf = ({ position, name }: RetentionRule, verdict: RuleVerdict["verdict"], reason: string) =>
    verdicts.push({ rule: position, ruleName: name, verdict, reason });
  await using plan = await planRetention(context, feedName, async (db, feed, rule) => {
    const query = await compileRule(feed.type, rule, now);
    const finding = await explainRule(db, feed.id, query, version.id);
    const keptBy = await findProtection(db, version.id);
    if (finding === undefined) return verdictOf(rule, "gone", "an earlier rule deletes it");
    const { place, bytesBefore, countBefore } = finding;
    const of = { ...version, place, bytesBefore, countBefore };
    const words = (names: readonly CriterionName[]) => unmetReasons(feed.type, rule.criteria, names, { item: of, now });
    // when the rule is for the other kind of item, its other criteria do not matter
    if (finding.unselected.includes("deleteHistory")) return verdictOf(rule, "passes", wrongKind(of));
    if (finding.unselected.length > 0) return verdictOf(rule, "passes", words(finding.unselected));
    if (finding.kept.length > 0) return verdictOf(rule, "keeps", words(finding.kept));
    if (keptBy !== undefined) return verdictOf(rule, "protected", protectionReason(feed.type, keptBy));
    if (finding.spared) return verdictOf(rule, "spared", words(quotaNames(rule.criteria)));
    return verdictOf(rule, "deletes", reasonOf(feed.type, rule.criteria, of, now));
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

type Keeper = NonNullable<Awaited<ReturnType<typeof findProtection>>>;

function protectionReason(feedType: string, { package: named, version, reason, rule }: Keeper): string {
  if (named === null && rule === null) return "a tag names it";
  if (named === null || version === null) return `rule ${rule} keeps it across rules`;
  const pattern = protectionName(feedType, { package: named, version });
  return `it is protected as ${pattern}${reason === null ? "" : ` (${reason})`}`;
}
