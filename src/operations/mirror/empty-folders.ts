import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { isProbe } from "../../lib/key.ts";
import { listFolders, makeFolderBelow, removeFolderBelow } from "../../stores/disk/index.ts";
import type { Context } from "../context.ts";
import { refuseDeletes } from "./decide.ts";
import { rootOf } from "./disk-only.ts";
import { createForeignNames, type ForeignNames } from "./foreign-names.ts";
import type { MirrorRun } from "./mirror-run.ts";

/** Empty directories to make and to remove, by their keys, and what the guards count. */
export interface FolderPlan {
  /** All of the source's, each before those in it. */
  wanted: string[];
  /** Those of `wanted` that the target lacks. */
  missing: string[];
  /** Only in the target, each before those in it. */
  extras: string[];
  /** How many directories each side has. */
  counts: { sources: number; targets: number };
}

/** Compares the directories of both sides. Called after the copies and before the deletes. Undefined: nobody asked. */
export async function planFolders(context: Context, run: MirrorRun): Promise<FolderPlan | undefined> {
  const { input, source, target, trash, foreign, foreignInTarget } = run;
  if (input.emptyFolders !== true) return undefined;
  const isHidden = (key: string) => isProbe(`${key}/`) || (trash !== undefined && `${key}/`.startsWith(trash.root));
  const how = { isHidden, signal: context.signal };
  const [from, to] = [await listFolders(rootOf(source), how), await listFolders(rootOf(target), how)];
  const wanted = from.empty.filter((key) => input.filter(key) && !foreignInTarget.covers(key));
  const replaced = await replacedFolders(run);
  const keeps = input.noDelete || input.compare.leave.has("extra");
  const isExtra = (key: string) =>
    !from.all.has(key) && input.filter(key) && !foreign.covers(key) && !replaced.covers(key);
  return {
    wanted,
    missing: wanted.filter((key) => !to.all.has(key)),
    extras: keeps ? [] : to.empty.filter(isExtra),
    counts: { sources: from.all.size, targets: to.all.size },
  };
}

/** Folders that a file will replace. Storing the file removes them, so that they are not deleted as extras. */
async function replacedFolders({ deferred }: MirrorRun): Promise<ForeignNames> {
  const names = createForeignNames();
  for await (const { key } of deferred.read()) names.add(key);
  return names;
}

/** Throws `refused` when the guards forbid the deletes of directories, together with those of files. */
export function refuseFolderDeletes({ input, counts, names, extras: files }: MirrorRun, plan: FolderPlan): void {
  if (plan.extras.length === 0) return;
  const reason = refuseDeletes(
    {
      extras: plan.extras.length + (input.noDelete ? 0 : files.count),
      targets: counts.targets + plan.counts.targets,
      sources: counts.sources + plan.counts.sources,
    },
    input.maxDelete,
  );
  if (reason === undefined) return;
  throw new FeedctlError("refused", `nothing was deleted from ${names.target}: with empty directories, ${reason}`, {
    hint: "look at the plan with --dry-run; to allow it: --max-delete N or N%",
  });
}

/** Removes and makes directories, after the deletes of files. `allowed`: the files were deleted. */
export async function mirrorFolders(run: MirrorRun, plan: FolderPlan, allowed: boolean): Promise<void> {
  const { input, tally, target } = run;
  const root = rootOf(target);
  if (!allowed && plan.extras.length > 0) tally.summary.notDeleted ??= "some files failed, so nothing is deleted";
  for (const key of allowed ? plan.extras.toReversed() : []) {
    await eachFolder(run, key, "extra", () => {
      if (input.dryRun || removeFolderBelow(root, key)) tally.folderDeleted(key);
    });
  }
  const missing = new Set(plan.missing);
  for (const key of plan.wanted) {
    await eachFolder(run, key, "lonely", async () => {
      if (!input.dryRun) await makeFolderBelow(root, key);
      if (missing.has(key)) tally.folderMade(key);
    });
  }
}

/** A directory that cannot be made or removed is a failure of its own. */
async function eachFolder(
  { tally }: MirrorRun,
  key: string,
  kind: "extra" | "lonely",
  change: () => void | Promise<void>,
): Promise<void> {
  const blob = { key: `${key}/`, size: 0 };
  try {
    await change();
  } catch (error) {
    if (!isFeedctlError(error) || error.storeWide) throw error;
    if (kind === "extra") return tally.undeleted(blob, error.message);
    tally.addSource(blob);
    if (error.code === "conflict") tally.mismatch(blob, error.message);
    else tally.failed(kind, blob, error.message);
  }
}
