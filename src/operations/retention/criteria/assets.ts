import type { PlannedVersion } from "../../../catalog/retention/plan.ts";
import { always, never, nothing, sameValue, type Criterion } from "./criterion.ts";
import { flag } from "./values.ts";

export const deleteHistory: Criterion<"deleteHistory"> = {
  flag: "delete-history",
  value: flag,
  placeholder: "",
  help: "asset directories: only earlier content, by when it was replaced or deleted",
  of: "assets",
  role: "scope",
  excludes: {
    names: ["keepUsedWithinDays", "triggerDownloadCount", "removeEmptyFolders"],
    why: "nobody uses earlier content, and no folder holds it",
  },
  takesAll: never,
  query: sameValue,
  describe: () => "only earlier content",
  reason: () => "earlier content",
  unmet: (_, { item }) => wrongKind(item),
};

/** Why a rule for files does not look at the item, or a rule for earlier content. */
export function wrongKind({ kept }: Pick<PlannedVersion, "kept">): string {
  return kept === null ? "it is no earlier content" : "the rule is for files, not for earlier content";
}

export const removeEmptyFolders: Criterion<"removeEmptyFolders"> = {
  flag: "remove-empty-folders",
  value: flag,
  placeholder: "",
  help: "asset directories: remove folders that the rule has emptied",
  of: "assets",
  role: "option",
  takesAll: always,
  query: sameValue,
  describe: () => "removes the folders that it empties",
  reason: nothing,
  unmet: nothing,
};
