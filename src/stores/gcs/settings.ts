import type { LifecycleRule, StoreTraits } from "../traits.ts";

/** The settings of a bucket that decide what becomes of its objects. The service sends 64-bit numbers as strings. */
export interface BucketSettings {
  versioning?: { enabled?: boolean };
  softDeletePolicy?: { retentionDurationSeconds?: string };
  retentionPolicy?: { retentionPeriod?: string; isLocked?: boolean };
  lifecycle?: {
    rule?: {
      action?: { type?: string; storageClass?: string };
      condition?: {
        age?: number;
        daysSinceNoncurrentTime?: number;
        isLive?: boolean;
        matchesPrefix?: string[];
        matchesSuffix?: string[];
        numNewerVersions?: number;
      };
    }[];
  };
}

/** The `fields` parameter of the request for them. */
export const SETTINGS = "versioning,softDeletePolicy,retentionPolicy,lifecycle";

/** The `fields` parameter of the request for versions. */
export const VERSIONS = "nextPageToken,items(name,generation,size,timeDeleted)";

const DAY = 86_400;

/** Every bucket has these settings, so that one which is left out is off. */
export function readSettings(settings: BucketSettings, prefix: string): StoreTraits {
  const { versioning, softDeletePolicy, retentionPolicy, lifecycle } = settings;
  const retained = Number(retentionPolicy?.retentionPeriod ?? 0);
  return {
    versioning: versioning?.enabled === true ? "on" : "off",
    softDeleteDays: Math.ceil(Number(softDeletePolicy?.retentionDurationSeconds ?? 0) / DAY),
    lock:
      retained > 0
        ? { mode: retentionPolicy?.isLocked === true ? "locked" : "unlocked", days: Math.ceil(retained / DAY) }
        : { mode: "off" },
    lifecycle: (lifecycle?.rule ?? []).flatMap((rule) => readRule(rule, prefix)),
  };
}

function readRule(
  { action = {}, condition = {} }: NonNullable<NonNullable<BucketSettings["lifecycle"]>["rule"]>[number],
  prefix: string,
): LifecycleRule[] {
  const { age, daysSinceNoncurrentTime, matchesPrefix = [""], matchesSuffix, isLive, numNewerVersions } = condition;
  return matchesPrefix.flatMap((start): LifecycleRule[] => {
    if (!prefix.startsWith(start) && !start.startsWith(prefix)) return [];
    const part = start.length > prefix.length ? { prefix: start.slice(prefix.length) } : {};
    if (action.type === "SetStorageClass" && age !== undefined)
      return [{ does: "move", days: age, to: action.storageClass, ...part }];
    if (action.type !== "Delete") return [];
    const earlier = daysSinceNoncurrentTime ?? (isLive === false ? age : undefined);
    // Which versions have a suffix or newer ones is unknown, so such a rule promises nothing.
    if (earlier !== undefined && matchesSuffix === undefined && numNewerVersions === undefined)
      return [{ does: "delete earlier versions", days: earlier, ...part }];
    return age !== undefined && isLive !== false ? [{ does: "delete", days: age, ...part }] : [];
  });
}
