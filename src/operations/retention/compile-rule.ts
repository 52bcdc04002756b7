import type { KeyRange, QueryCriteria, RuleQuery } from "../../catalog/retention/rule-query.ts";
import type { RetentionCriteria } from "../../catalog/schema/retention-criteria.ts";
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
import { ask, criteriaProblem, givenNames, ruleName, type RetentionRule } from "./criteria.ts";
import type { Compiler } from "./criteria/criterion.ts";
import { packagePattern } from "./terms.ts";

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

function compileRange(feedType: string, text: string): KeyRange[] {
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

/** The criteria as SQL needs them, with days counted back from `now`. Throws `usage` for a value that means nothing. */
export async function compileCriteria(feedType: string, rule: RetentionCriteria, now: Date): Promise<QueryCriteria> {
  const compiler: Compiler = {
    names: (patterns) => patterns.map((pattern) => packagePattern(feedType, pattern)),
    // the database has no dates before the year 1
    daysAgo: (days) => new Date(Math.max(now.getTime() - days * 86_400_000, YEAR_ONE)),
    range: async (text) => compileRange(feedType, text),
  };
  const compiled = await Promise.all(
    givenNames(rule).map(async (name) => [
      name,
      await ask(name, rule, (criterion, value) => criterion.query(value, compiler)),
    ]),
  );
  return {
    ...(Object.fromEntries(compiled) as QueryCriteria),
    ...(feedType === "asset" && { deleteHistory: rule.deleteHistory ?? false }),
  };
}

export async function compileRule(feedType: string, rule: RetentionRule, now: Date): Promise<RuleQuery> {
  const problem = criteriaProblem(rule.criteria, feedType);
  if (problem !== undefined) throw new FeedctlError("refused", `${ruleName(rule)}: ${problem}`);
  return {
    position: rule.position,
    of: feedType !== "asset" ? "versions" : rule.criteria.deleteHistory ? "history" : "files",
    criteria: await compileCriteria(feedType, rule.criteria, now),
    protectAcross: rule.protectAcrossRules,
  };
}
