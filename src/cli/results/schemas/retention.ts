import { Type, type Static, type TSchema } from "typebox";
import type { RetentionCriteria } from "../../../catalog/schema/retention-criteria.ts";
import { criteria, criterionNames } from "../../../operations/retention/criteria.ts";
import type { ValueKind } from "../../../operations/retention/criteria/values.ts";
import { count, flag, keptBlobs, maybe, nullable, oneOf, text, time, word } from "./parts.ts";

const valueSchemas: Record<ValueKind<unknown>["kind"], TSchema> = {
  flag: Type.Literal(true),
  text: text(),
  number: count(),
  patterns: Type.Array(text()),
};

const criteriaSchema = Type.Unsafe<RetentionCriteria>(
  Type.Object(
    Object.fromEntries(
      criterionNames.map((name) => {
        const { value, help } = criteria[name];
        return [name, Type.Optional(Type.Unsafe({ ...valueSchemas[value.kind], description: help }))];
      }),
    ),
  ),
);

export const RuleResult = Type.Object({
  position: count("from 1, in the order in which rules run"),
  name: nullable(text()),
  enabled: flag(),
  protectAcrossRules: flag(),
  criteria: criteriaSchema,
  warnings: maybe(Type.Array(text(), { description: "likely mistakes, where the rule was added or changed" })),
});
export type RuleResult = Static<typeof RuleResult>;

export const PatternMatchResult = Type.Object({
  what: oneOf(["package", "version", "file"], "what the pattern matches: a name, a version or a path"),
  name: text(),
  version: nullable(text()),
});
export type PatternMatchResult = Static<typeof PatternMatchResult>;

const totals = { versions: count("or files of an asset directory"), files: count(), bytes: count() };

const named = {
  group: text(),
  name: text(),
  version: text(),
  path: maybe(text("of a file of an asset directory")),
};

const PlannedDeletionResult = Type.Object({
  ...named,
  rule: count("position of the rule that selects it"),
  ruleName: nullable(text()),
  reason: text(),
  bytes: count(),
});
export type PlannedDeletionResult = Static<typeof PlannedDeletionResult>;

const knownUse = {
  files: count("logs"),
  lines: count(),
  unreadable: count("lines that were not understood"),
  from: nullable(time("of the oldest line of the counted logs")),
  until: nullable(time()),
  rejected: Type.Array(
    Type.Object({
      file: text(),
      lines: count(),
      unreadable: count(),
      until: time("of its newest line, or of its last change"),
    }),
  ),
};

export const RetentionPlanResult = Type.Object({
  feed: text(),
  enabled: flag("false: no run deletes this"),
  use: nullable(
    Type.Object({
      ...knownUse,
      uncovered: Type.Array(
        Type.Object({ rule: count(), days: Type.Array(Type.Object({ from: text(), until: text("a day, included") })) }),
        { description: "rules that depend on days that no counted log covers" },
      ),
    }),
  ),
  totals: Type.Object({ ...totals, folders: count(), protected: count(), feed: Type.Object(totals) }),
  rules: Type.Array(Type.Object({ rule: count(), name: nullable(text()), enabled: flag(), ...totals })),
  delete: Type.Array(PlannedDeletionResult),
});
export type RetentionPlanResult = Static<typeof RetentionPlanResult>;

export const ExplanationResult = Type.Object({
  feed: text(),
  ...named,
  goes: flag(),
  verdicts: Type.Array(
    Type.Object({
      rule: count(),
      ruleName: nullable(text()),
      verdict: oneOf(["deletes", "passes", "keeps", "spared", "protected", "gone", "off"]),
      reason: text(),
    }),
  ),
});
export type ExplanationResult = Static<typeof ExplanationResult>;

const runCounts = {
  planned: count("versions, or files of an asset directory, that the rules select"),
  plannedBytes: count(),
  deleted: count(),
  hidden: count(),
  freed: count("hidden by earlier runs and deleted now; in a dry run those that would be"),
  restored: count("hidden by earlier runs and shown again; in a dry run those that would be"),
  left: count("changed since they were planned, deleted by others, or not reached when the run was halted"),
  folders: count(),
  blobs: count("deleted from the store"),
  bytes: count("of those blobs, as far as the provider has freed them"),
  keptBytes: count("of those blobs whose bytes the provider keeps"),
  keptBy: keptBlobs.keptBy,
  keptUntil: keptBlobs.keptUntil,
  waiting: count("blobs still to be deleted"),
};

export const RetentionLine = Type.Union([
  Type.Object({
    type: word("version"),
    feed: text(),
    action: oneOf(["deleted", "hidden", "freed", "restored", "left", "planned"]),
    ...named,
    rule: nullable(count()),
    ruleName: nullable(text()),
    reason: text(),
    bytes: count(),
  }),
  Type.Object({ type: word("folder"), feed: text(), path: text() }),
  Type.Object({
    type: word("feed"),
    feed: text(),
    feedType: text(),
    outcome: oneOf(
      ["done", "dry-run", "disabled", "stopped", "halted"],
      "stopped: its time limit was reached; halted: retention was switched off or its rules were changed meanwhile",
    ),
    ...runCounts,
  }),
  Type.Object({ type: word("feed-failed"), feed: text(), code: text(), reason: text(), hint: nullable(text()) }),
  Type.Object({
    type: word("summary"),
    dryRun: flag(),
    feeds: count(),
    failed: count("feeds that could not be processed"),
    stopped: count(),
    ...runCounts,
  }),
]);
export type RetentionLine = Static<typeof RetentionLine>;

export const RetentionApplyResult = Type.Object({
  dryRun: flag(),
  changes: Type.Array(
    Type.Object({
      feed: text(),
      change: oneOf(["added", "removed", "changed", "moved"]),
      what: oneOf(["rule", "protection", "enabled"]),
      name: text(),
      before: nullable(text()),
      after: nullable(text()),
    }),
  ),
  warnings: Type.Array(text(), { description: "likely mistakes in what was added or changed" }),
});
export type RetentionApplyResult = Static<typeof RetentionApplyResult>;

export const HiddenResult = Type.Object({
  group: text(),
  name: text(),
  version: text(),
  hiddenAt: time(),
  until: time("from then on a run deletes it"),
  run: count(),
  rule: count(),
  ruleName: nullable(text()),
  reason: text(),
  bytes: count(),
});
export type HiddenResult = Static<typeof HiddenResult>;

export const RestoredResult = Type.Object({
  feed: text(),
  versions: Type.Array(Type.Object({ group: text(), name: text(), version: text() })),
  protected: flag(),
});
export type RestoredResult = Static<typeof RestoredResult>;

const usageCounts = {
  lines: count(),
  downloads: count(),
  restored: count("hidden versions that are shown again, because a rule keeps what was used then"),
  foreign: count("downloads of other files"),
  unreadable: count("lines that were not understood"),
};

export const UsageLine = Type.Union([
  Type.Object({
    type: word("log"),
    file: text(),
    status: oneOf(
      ["counted", "known", "rejected", "failed"],
      "known: counted by an earlier run; rejected: too many lines were not understood, none was counted",
    ),
    ...usageCounts,
    samples: Type.Array(Type.Object({ line: count("from 1"), text: text("its beginning") })),
    from: nullable(time("of the oldest line that was counted")),
    until: nullable(time()),
    reason: nullable(text()),
  }),
  Type.Object({
    type: word("summary"),
    feed: text(),
    files: count(),
    known: count(),
    rejected: count(),
    failed: count(),
    ...usageCounts,
  }),
]);
export type UsageLine = Static<typeof UsageLine>;

export const ForgottenUseResult = Type.Object({
  feed: text(),
  logs: count(),
  downloads: count("that are no longer counted"),
});
export type ForgottenUseResult = Static<typeof ForgottenUseResult>;

export const UsageResult = Type.Object({ feed: text(), ...knownUse });
export type UsageResult = Static<typeof UsageResult>;
