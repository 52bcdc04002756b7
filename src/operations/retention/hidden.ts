import { takeHiddenItems, unhideUsed, unhideVersions } from "../../catalog/retention/quarantine.ts";
import type { Db } from "../../catalog/schema/core.ts";
import {
  BATCH,
  inTransaction,
  objectOf,
  purge,
  type Batch,
  type RetentionTask,
  type VersionOutcome,
} from "./delete-batch.ts";
import type { PlannedDeletion } from "./plan.ts";

// What a run does with the versions that earlier runs have hidden. Its plan has asked the rules again with these versions
// counted in: days have passed, and the reason to delete a version may be gone.

type Name = Pick<PlannedDeletion, "group" | "name" | "version">;

/** Shows versions again that were used after they were hidden. */
export async function restoreUsed(task: RetentionTask): Promise<Batch> {
  return inTransaction(task, async (db) => {
    const versions = await restored(task, db, await unhideUsed(db, task.feed.id), "used since it was hidden");
    return { versions, gone: 0, folders: [], isEmpty: versions.length === 0 };
  });
}

/** Shows the next hidden versions again that no rule selects any more. */
export async function restoreBatch(task: RetentionTask): Promise<Batch> {
  return inTransaction(task, async (db) => {
    const step = { step: "restore", limit: BATCH } as const;
    const { items } = await takeHiddenItems(db, task.run.id, step, task.context.now());
    const hidden = items.filter(({ changed }) => !changed);
    await unhideVersions(
      db,
      hidden.map(({ id }) => id),
    );
    const versions = await restored(task, db, hidden, "no rule selects it any more");
    // nothing is left undone: the others are visible or deleted already
    return { versions, gone: 0, folders: [], isEmpty: items.length === 0 };
  });
}

/** Deletes the next hidden versions whose quarantine has ended. */
export async function freeBatch(task: RetentionTask): Promise<Batch> {
  return inTransaction(task, async (db, target) => {
    const step = { step: "free", limit: BATCH } as const;
    const { items: taken, gone } = await takeHiddenItems(db, task.run.id, step, task.context.now());
    const items = taken.flatMap((version) =>
      version.changed
        ? []
        : {
            id: version.id,
            object: objectOf(version),
            detail: { ...version.detail, hiddenAt: version.hiddenAt, hiddenBy: version.run },
          },
    );
    await purge(task, db, target, items);
    const versions = taken.map(({ detail, bytes, changed, ...version }): VersionOutcome => {
      const { rule, ruleName, reason } = detail;
      const action = changed ? "left" : "freed";
      return { ...shown(task, version), action, rule, ruleName, reason, bytes };
    });
    return { versions, gone, folders: [], isEmpty: taken.length === 0 && gone === 0 };
  });
}

async function restored(
  task: RetentionTask,
  db: Db,
  versions: readonly Name[],
  reason: string,
): Promise<VersionOutcome[]> {
  await task.run.audit(
    db,
    versions.map((version) => ({ action: "restored", object: objectOf(version), detail: { reason } })),
  );
  return versions.map((version): VersionOutcome => ({
    ...shown(task, version),
    action: "restored",
    rule: null,
    ruleName: null,
    reason,
    bytes: 0,
  }));
}

function shown({ feed }: RetentionTask, { group, name, version }: Name) {
  return { type: "version", feed: feed.name, group, name, version } as const;
}
