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
  /** Creates the temporary tables of a plan. */
  prepare(db: Db, feedId: number): Promise<void>;
  keepProtected(db: Db, feedId: number): Promise<void>;
  /** Time of the newest known use; null when none is known. */
  newestUse(db: Db, feedId: number): Promise<Date | null>;
  /** The plan in the order of its rules, in pages. */
  list(db: Db): AsyncGenerator<PlannedVersion>;
  /**
   * In a transaction: the next items of a run's plan, locked. `changed`: since it was planned the item was used,
   * protected or published again, or its files changed.
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
