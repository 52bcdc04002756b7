import { keepProtectedAssets, listAssetPlan, newestAssetUse, prepareAssets, takeAssetItems } from "./assets.ts";
import { takeVersionItems, type TakenItems } from "./items.ts";
import {
  keepProtectedVersions,
  listVersionPlan,
  newestVersionUse,
  prepareVersions,
  type PlannedVersion,
} from "./plan.ts";
import type { Db } from "../schema/core.ts";

/** What rules look at: the versions of packages, or the files of an asset directory. */
export interface RetentionSubject {
  /** Makes the temporary tables of a plan. */
  prepare(db: Db, feedId: number): Promise<void>;
  keepProtected(db: Db, feedId: number): Promise<void>;
  /** The newest use that is known. */
  newestUse(db: Db, feedId: number): Promise<Date | null>;
  /** The plan in the order of its rules, in pages. */
  list(db: Db): AsyncGenerator<PlannedVersion>;
  /**
   * In a transaction: the next items of a run's plan, locked. `changed`: no longer what was planned, because it was used,
   * protected or published anew since, or has other files.
   */
  take(db: Db, runId: number, limit: number): Promise<TakenItems>;
}

export function subjectOf(feedType: string): RetentionSubject {
  return feedType === "asset"
    ? {
        prepare: prepareAssets,
        keepProtected: keepProtectedAssets,
        newestUse: newestAssetUse,
        list: listAssetPlan,
        take: takeAssetItems,
      }
    : {
        prepare: prepareVersions,
        keepProtected: keepProtectedVersions,
        newestUse: newestVersionUse,
        list: listVersionPlan,
        take: takeVersionItems,
      };
}
