import type { RetentionCriteria } from "../../../catalog/schema/retention-criteria.ts";
import { always, isZero, never, nothing, sameValue, type Criterion } from "./criterion.ts";
import { flag, line, wholeNumber } from "./values.ts";

function lineOf({ keepVersionsPer = "package" }: RetentionCriteria): string {
  return keepVersionsPer === "package" ? "package" : `${keepVersionsPer} line`;
}

export const keepVersionsCount: Criterion<"keepVersionsCount"> = {
  flag: "keep-versions-count",
  value: wholeNumber,
  placeholder: "count",
  help: "keep the newest of each package",
  of: "versions",
  role: "keeps",
  takesAll: isZero,
  query: sameValue,
  describe: (value, { criteria }) => `keeps the newest ${value} of each ${lineOf(criteria)}`,
  reason: (value, { criteria, item }) =>
    `number ${item.place} of its ${lineOf(criteria)}, the newest ${value} are kept`,
  unmet: (value, { criteria, item }) =>
    `it is number ${item.place} of its ${lineOf(criteria)}, and the newest ${value} are kept`,
};

export const keepVersionsPer: Criterion<"keepVersionsPer"> = {
  flag: "keep-versions-per",
  value: line,
  placeholder: "line",
  help: "count them per package, major or minor line",
  of: "versions",
  role: "option",
  needs: ["keepVersionsCount"],
  takesAll: always,
  query: sameValue,
  describe: nothing,
  reason: nothing,
  unmet: nothing,
};

export const keepLastStable: Criterion<"keepLastStable"> = {
  flag: "keep-last-stable",
  value: flag,
  placeholder: "",
  help: "keep the newest stable version of each package",
  of: "versions",
  role: "keeps",
  takesAll: never,
  query: sameValue,
  describe: () => "keeps the newest stable version",
  reason: nothing,
  unmet: () => "it is the newest stable version of its package",
};

export const keepStableNewer: Criterion<"keepStableNewer"> = {
  flag: "keep-stable-newer",
  value: flag,
  placeholder: "",
  help: "keep stable versions newer than the newest prerelease",
  of: "versions",
  role: "keeps",
  takesAll: never,
  query: sameValue,
  describe: () => "keeps stable versions newer than the newest prerelease",
  reason: nothing,
  unmet: () => "it is stable and newer than the newest prerelease",
};
