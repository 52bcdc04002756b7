import type { KeyRange, RuleQuery } from "../../catalog/retention/criteria-sql.ts";
import { FeedctlError } from "../../errors.ts";
import { alpine } from "../../versions/alpine.ts";
import { bracketRange } from "../../versions/ranges/bracket-range.ts";
import { composer } from "../../versions/composer.ts";
import { conan } from "../../versions/conan.ts";
import { conda } from "../../versions/conda.ts";
import { cran } from "../../versions/cran.ts";
import { debian } from "../../versions/debian.ts";
import { gem } from "../../versions/gem.ts";
import type { Bound, RangeSyntax } from "../../versions/ranges/interval.ts";
import { maven } from "../../versions/maven.ts";
import { nuget } from "../../versions/nuget.ts";
import { pep440Range } from "../../versions/ranges/pep440-range.ts";
import { pub } from "../../versions/pub.ts";
import { relationRange, rpmEqualUpTo, rubyPessimistic } from "../../versions/ranges/relation-range.ts";
import { rpm } from "../../versions/rpm.ts";
import { cargoRange, npmRange, semver } from "../../versions/semver.ts";
import { vsix } from "../../versions/vsix.ts";
import { criteriaProblem, packagePattern } from "./criteria.ts";
import type { RetentionRule } from "./rules.ts";

const plain = { example: ">= 1.0, < 2.0" };

/** How each feed type writes version ranges. A type that is missing has none. */
const syntaxes: Partial<Record<string, RangeSyntax>> = {
  nuget: bracketRange(nuget),
  chocolatey: bracketRange(nuget),
  powershell: bracketRange(nuget),
  maven: bracketRange(maven),
  vsix: bracketRange(vsix),
  npm: npmRange,
  helm: npmRange,
  cargo: cargoRange,
  pypi: pep440Range,
  debian: relationRange(debian, { example: ">= 1.0, << 2.0", doubled: true }),
  rpm: relationRange(rpm, { ...plain, equalUpTo: rpmEqualUpTo }),
  alpine: relationRange(alpine, plain),
  rubygems: relationRange(gem, { ...plain, pessimistic: rubyPessimistic }),
  cran: relationRange(cran, plain),
  conda: relationRange(conda, plain),
  pub: relationRange(pub, { example: ">=1.0.0 <2.0.0" }),
  composer: relationRange(composer, plain),
  conan: relationRange(conan, plain),
  terraform: relationRange(semver, { example: ">= 1.0.0, < 2.0.0" }),
};

export function compileRange(feedType: string, text: string): KeyRange[] {
  const syntax = syntaxes[feedType];
  if (syntax === undefined)
    throw new FeedctlError("usage", `${feedType} feeds have no version ranges`, {
      hint: "--delete-versions takes patterns such as 1.*",
    });
  return syntax.parse(text).map(({ from, to, stableOnly }) => ({
    from: hex(from),
    fromIncluded: from?.included ?? true,
    to: hex(to),
    toIncluded: to?.included ?? true,
    stableOnly: stableOnly ?? false,
  }));
}

function hex(bound: Bound | undefined): string | null {
  return bound?.key.toString("hex") ?? null;
}

const YEAR_ONE = Date.parse("0001-01-01T00:00:00Z");

/** The rule with its days counted back from `now`. */
export function compileRule(feedType: string, rule: RetentionRule, now: Date): RuleQuery {
  const { criteria } = rule;
  const problem = criteriaProblem(criteria, feedType);
  if (problem !== undefined) throw new FeedctlError("refused", `${rule.name ?? `rule ${rule.position}`}: ${problem}`);
  // no date of the database lies before the year 1, nor does any use
  const daysAgo = (days: number | undefined) =>
    days === undefined ? undefined : new Date(Math.max(now.getTime() - days * 86_400_000, YEAR_ONE));
  const names = (patterns: string[] | undefined) => patterns?.map((pattern) => packagePattern(feedType, pattern)) ?? [];
  return {
    position: rule.position,
    of: feedType !== "asset" ? "versions" : criteria.deleteHistory ? "history" : "files",
    cached: criteria.deleteCached ?? false,
    prerelease: criteria.deletePrereleaseVersions ?? false,
    unlisted: criteria.deleteUnlisted ?? false,
    deprecated: criteria.deleteDeprecated ?? false,
    superseded: criteria.deleteSuperseded ?? false,
    deletePackages: names(criteria.deletePackageIds),
    keepPackages: names(criteria.keepPackageIds),
    deleteVersions: criteria.deleteVersions ?? [],
    keepVersions: criteria.keepVersions ?? [],
    ranges: criteria.versionsRange === undefined ? undefined : compileRange(feedType, criteria.versionsRange),
    keepCount: criteria.keepVersionsCount,
    keepPer: criteria.keepVersionsPer ?? "package",
    usedSince: daysAgo(criteria.keepUsedWithinDays),
    publishedBefore: daysAgo(criteria.olderThanDays),
    mostDownloads: criteria.triggerDownloadCount,
    keepLastStable: criteria.keepLastStable ?? false,
    keepStableNewer: criteria.keepStableNewer ?? false,
    maxBytes: criteria.sizeTrigger,
    maxCount: criteria.countTrigger,
    quotaOf: criteria.sizeExclusive ? "matching" : "feed",
    protectAcross: rule.protectAcrossRules,
  };
}
