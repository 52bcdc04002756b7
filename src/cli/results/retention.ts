import type { RetentionChange } from "../../operations/retention/apply.ts";
import type { Explanation } from "../../operations/retention/explain.ts";
import type { PlannedDeletion, RetentionPlan } from "../../operations/retention/plan.ts";
import type { HiddenPackage, RestoredVersions } from "../../operations/retention/quarantine.ts";
import type { UseOfPlan } from "../../operations/retention/known-use.ts";
import type { RetentionRule } from "../../operations/retention/criteria.ts";
import type { PatternMatch } from "../../operations/retention/test-pattern.ts";
import type { ChangedRule } from "../../operations/retention/rules.ts";
import type { FeedOutcome, RetentionEvent } from "../../operations/retention/outcome.ts";
import type { CountedFile } from "../../operations/usage/count-log.ts";
import type { KnownUse } from "../../operations/usage/coverage.ts";
import type { ForgottenUse } from "../../operations/usage/forget-logs.ts";
import type { UsageSummary } from "../../operations/usage/import-logs.ts";
import type * as result from "./schemas/retention.ts";

export function ruleResult(rule: RetentionRule): result.RuleResult {
  const { position, name, enabled, protectAcrossRules, criteria } = rule;
  return { position, name, enabled, protectAcrossRules, criteria };
}

export function changedRuleResult({ rule, warnings }: ChangedRule): result.RuleResult {
  return { ...ruleResult(rule), warnings };
}

export function matchResult({ what, name, version }: PatternMatch): result.PatternMatchResult {
  return { what, name, version };
}

/** A plan without its deletions, which are streamed. */
export function planHead(plan: RetentionPlan): Omit<result.RetentionPlanResult, "delete"> {
  const { feed, rules, use, sums, total, folders } = plan;
  return {
    feed: feed.name,
    enabled: feed.retention_rules_enabled,
    use: use === undefined ? null : { ...knownUse(use), uncovered: uncoveredDays(use) },
    totals: { ...totals(total), folders, protected: sums.protected, feed: totals(sums.feed) },
    rules: rules.map(({ position, name, enabled }) => ({
      rule: position,
      name,
      enabled,
      ...totals(sums.rules.find(({ rule }) => rule === position) ?? { versions: 0, files: 0, bytes: 0 }),
    })),
  };
}

function totals({ versions, files, bytes }: RetentionPlan["total"]) {
  return { versions, files, bytes };
}

export function plannedDeletionResult(deletion: PlannedDeletion): result.PlannedDeletionResult {
  const { group, name, version, path, rule, ruleName, reason, bytes } = deletion;
  return { group, name, version, path, rule, ruleName, reason, bytes };
}

export function explanationResult(explained: Explanation): result.ExplanationResult {
  const { feed, group, name, version, path, goes, verdicts } = explained;
  return {
    feed,
    group,
    name,
    version,
    path,
    goes,
    verdicts: verdicts.map(({ rule, ruleName, verdict, reason }) => ({ rule, ruleName, verdict, reason })),
  };
}

function uncoveredDays({ uncovered }: UseOfPlan) {
  return uncovered.map(({ rule, days }) => ({
    rule: rule.position,
    days: days.map(({ from, until }) => ({ from, until })),
  }));
}

export function retentionLine(event: RetentionEvent): result.RetentionLine {
  switch (event.type) {
    case "version": {
      const { type, feed, action, group, name, version, path, rule, ruleName, reason, bytes } = event;
      return { type, feed, action, group, name, version, path, rule, ruleName, reason, bytes };
    }
    case "folder":
      return { type: event.type, feed: event.feed, path: event.path };
    case "feed": {
      const { type, feed, feedType, outcome } = event;
      return { type, feed, feedType, outcome, ...runCounts(event) };
    }
    case "feed-failed": {
      const { type, feed, code, reason, hint } = event;
      return { type, feed, code, reason, hint };
    }
    case "summary": {
      const { type, dryRun, feeds, failed, stopped } = event;
      return { type, dryRun, feeds, failed, stopped, ...runCounts(event) };
    }
  }
}

type RunCounts = Omit<FeedOutcome, "type" | "feed" | "feedType" | "outcome">;

function runCounts(event: RunCounts) {
  const { planned, plannedBytes, deleted, hidden, freed, restored, left, folders, blobs, bytes, waiting } = event;
  const kept = { keptBytes: event.keptBytes, keptBy: event.kept?.by ?? null, keptUntil: event.kept?.until ?? null };
  return { planned, plannedBytes, deleted, hidden, freed, restored, left, folders, blobs, bytes, ...kept, waiting };
}

export function changeResult(change: RetentionChange): result.RetentionApplyResult["changes"][number] {
  const { feed, change: kind, what, name, before, after } = change;
  return { feed, change: kind, what, name, before, after };
}

export function hiddenResult(hidden: HiddenPackage): result.HiddenResult {
  const { group, name, version, hiddenAt, until, run, rule, ruleName, reason, bytes } = hidden;
  return { group, name, version, hiddenAt, until, run, rule, ruleName, reason, bytes };
}

export function restoredResult({ feed, versions, protected: isProtected }: RestoredVersions): result.RestoredResult {
  return {
    feed,
    versions: versions.map(({ group, name, version }) => ({ group, name, version })),
    protected: isProtected,
  };
}

export function usageLine(event: CountedFile | UsageSummary): result.UsageLine {
  const { lines, downloads, restored, foreign, unreadable } = event;
  const counts = { lines, downloads, restored, foreign, unreadable };
  if (event.type === "log") {
    const { type, file, status, from, until, reason } = event;
    const samples = event.samples.map(({ line, text }) => ({ line, text }));
    return { type, file, status, ...counts, samples, from, until, reason };
  }
  const { type, feed, files, known, rejected, failed } = event;
  return { type, feed, files, known, rejected, failed, ...counts };
}

export function forgottenUseResult({ feed, logs, downloads }: ForgottenUse): result.ForgottenUseResult {
  return { feed, logs, downloads };
}

export function usageResult({ feed, ...known }: KnownUse & { feed: string }): result.UsageResult {
  return { feed, ...knownUse(known) };
}

function knownUse({ files, lines, unreadable, from, until, rejected }: KnownUse): Omit<result.UsageResult, "feed"> {
  return {
    files,
    lines,
    unreadable,
    from,
    until,
    rejected: rejected.map(({ name, lines: all, unreadable: missed, last }) => ({
      file: name,
      lines: all,
      unreadable: missed,
      until: last,
    })),
  };
}
