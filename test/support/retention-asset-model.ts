import type { RetentionCriteria } from "../../src/catalog/schema/retention-criteria.ts";
import type { ModelRule } from "./retention-model.ts";

/** Reference model of retention for asset directories, written from docs/retention.md as simply as possible. */
export interface ModelAsset {
  id: number;
  path: string;
  /** Null for a current file; otherwise why the earlier content was kept. */
  kept: "overwritten" | "deleted" | null;
  /** Days since it was uploaded, or overwritten or deleted. */
  since: number;
  used: number | null;
  downloads: number;
  bytes: number;
}

export interface ModelFolder {
  path: string;
  /** It has a cache header or metadata. */
  described: boolean;
}

/** Ids to delete, with the position of the rule that selects them; under a quota in the order of deletion. */
export function modelAssetPlan(
  all: readonly ModelAsset[],
  rules: readonly ModelRule[],
  protections: readonly string[],
): { id: number; rule: number }[] {
  const everywhere = new Set(all.filter((asset) => likeAny(protections, asset.path)));
  for (const { enabled, protectAcrossRules, criteria } of rules)
    if (enabled && protectAcrossRules)
      for (const asset of all) if (isOfKind(criteria, asset) && isKept(criteria, asset)) everywhere.add(asset);

  const plan: { id: number; rule: number }[] = [];
  let left = all;
  for (const [index, { enabled, criteria }] of rules.entries()) {
    if (!enabled) continue;
    const deleted = selectForDeletion(criteria, left, everywhere);
    for (const { id } of deleted) plan.push({ id, rule: index + 1 });
    left = left.filter((asset) => !deleted.includes(asset));
  }
  return plan;
}

function selectForDeletion(
  criteria: RetentionCriteria,
  left: readonly ModelAsset[],
  everywhere: ReadonlySet<ModelAsset>,
): ModelAsset[] {
  const ofKind = left.filter((asset) => isOfKind(criteria, asset));
  const matching = ofKind.filter(
    (asset) =>
      !everywhere.has(asset) &&
      !isKept(criteria, asset) &&
      (criteria.deletePackageIds === undefined || likeAny(criteria.deletePackageIds, asset.path)) &&
      asset.since >= (criteria.olderThanDays ?? 0),
  );
  const { sizeTrigger = null, countTrigger = null, sizeExclusive } = criteria;
  if (sizeTrigger === null && countTrigger === null) return matching;
  const counted = sizeExclusive ? matching : ofKind;
  let bytes = counted.reduce((sum, asset) => sum + asset.bytes, 0);
  let count = counted.length;
  const gone: ModelAsset[] = [];
  for (const asset of matching.toSorted((a, b) => usedAgo(b) - usedAgo(a) || a.id - b.id)) {
    if (sizeTrigger !== null && bytes <= sizeTrigger) break;
    if (countTrigger !== null && count <= countTrigger) break;
    gone.push(asset);
    bytes -= asset.bytes;
    count--;
  }
  return gone;
}

/** A rule is either for current files or for earlier content. */
function isOfKind(criteria: RetentionCriteria, { kept }: ModelAsset): boolean {
  return (criteria.deleteHistory ?? false) === (kept !== null);
}

function isKept(criteria: RetentionCriteria, asset: ModelAsset): boolean {
  const { keepPackageIds = [], keepUsedWithinDays, triggerDownloadCount } = criteria;
  if (likeAny(keepPackageIds, asset.path)) return true;
  if (keepUsedWithinDays !== undefined && usedAgo(asset) <= keepUsedWithinDays) return true;
  return triggerDownloadCount !== undefined && asset.downloads > triggerDownloadCount;
}

/** An upload counts as use. */
function usedAgo({ used, since, kept }: ModelAsset): number {
  return kept !== null || used === null ? since : Math.min(used, since);
}

/** Folders to delete: those whose last file is selected by a rule that removes empty folders. */
export function modelFolders(
  all: readonly ModelAsset[],
  folders: readonly ModelFolder[],
  rules: readonly ModelRule[],
  plan: readonly { id: number; rule: number }[],
): string[] {
  const isBelow = (path: string, folder: string) => path.startsWith(`${folder}/`);
  const files = all.filter(({ kept }) => kept === null);
  const isRemoved = ({ path, described }: ModelFolder): boolean => {
    if (described) return false;
    const inside = files.filter((file) => isBelow(file.path, path));
    if (inside.some((file) => !plan.some(({ id }) => id === file.id))) return false;
    const last = plan.filter(({ id }) => inside.some((file) => file.id === id)).at(-1);
    if (last === undefined || !rules[last.rule - 1]?.criteria.removeEmptyFolders) return false;
    return folders.filter((folder) => isBelow(folder.path, path)).every(isRemoved);
  };
  return folders.filter(isRemoved).map(({ path }) => path);
}

function likeAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) =>
    new RegExp(`^${pattern.replace(/^\/+/, "").split("*").map(RegExp.escape).join(".*")}$`, "is").test(text),
  );
}
