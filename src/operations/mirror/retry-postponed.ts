import { parseBlobName } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { createTransfer, type Transfer } from "../transfer/transfer-pool.ts";
import type { Spool } from "../../lib/lists/spool.ts";
import type { Deferred, DeletePhase, MirrorInput, Postponed } from "./mirror-run.ts";
import type { PairCopier } from "./pair-copier.ts";
import type { Tally } from "./tally.ts";

export interface RetryInput {
  input: MirrorInput;
  source: Store;
  target: Store;
  copier: PairCopier;
  tally: Tally;
  deferred: Spool<Deferred>;
  deletes: DeletePhase;
  /** Path prefix of the spool files; unique to this run. */
  spool: string;
}

/** Creates the pool of copies. A retry reads both sides again. */
export function createMirrorTransfer(
  context: Context,
  { input, source, target, copier, tally, deferred, deletes, spool }: RetryInput,
): Transfer<Postponed> & AsyncDisposable {
  const { signal } = context;
  return createTransfer<Postponed>({
    concurrency: input.concurrency,
    signal,
    retries: {
      rounds: input.dryRun ? 0 : input.retries,
      wait: input.wait,
      spool,
      again: (job) => copyAsItIsNow(context, { source, target, copier, tally }, job),
      postponed: (job, error) => tally.postponed(job.decision.class, job, error.message),
    },
    failed(job, error) {
      const isConflict = error.code === "conflict";
      // A server that keeps folders has a file or a folder in the way, which may be an extra.
      if (isConflict && target.localPath === undefined && !deletes.areOver)
        return deferred.add({ ...job, reason: error.message });
      // a conflicting file or folder in the target is reported as a mismatch and never replaced
      if (isConflict) tally.mismatch(job, error.message);
      else tally.failed(job.decision.class, job, error.message, error.archived);
    },
  });
}

/** Copies a blob as both sides are by now: they may have changed since they were listed. */
export async function copyAsItIsNow(
  { signal }: Context,
  { source, target, copier, tally }: Pick<RetryInput, "source" | "target" | "copier" | "tally">,
  job: Postponed,
): Promise<void> {
  const key = parseBlobName(job.key);
  const [from, to] = await Promise.all([source.head(key, { signal }), target.head(key, { signal })]);
  if (from === undefined) tally.skipped(job.decision.class, job, "vanished from the source meanwhile");
  else await copier.copyIfNeeded({ key, source: from, target: to }, job.decision);
}
