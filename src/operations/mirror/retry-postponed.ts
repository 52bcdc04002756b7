import { parseKey } from "../../stores/key.ts";
import type { Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { createTransfer, type Transfer } from "../transfer/transfer-pool.ts";
import type { MirrorInput, Postponed } from "./mirror-run.ts";
import type { PairCopier } from "./pair-copier.ts";
import type { Tally } from "./tally.ts";

export interface RetryInput {
  input: MirrorInput;
  source: Store;
  target: Store;
  copier: PairCopier;
  tally: Tally;
  /** Path prefix of the spool files; unique to this run. */
  spool: string;
}

/** Creates the pool of copies. A retry reads both sides again. */
export function createMirrorTransfer(
  context: Context,
  { input, source, target, copier, tally, spool }: RetryInput,
): Transfer<Postponed> & AsyncDisposable {
  const { signal } = context;
  return createTransfer<Postponed>({
    concurrency: input.concurrency,
    retries: input.dryRun ? 0 : input.retries,
    wait: input.wait,
    spool,
    signal,
    async again({ key: text, size, decision }) {
      const key = parseKey(text);
      const [from, to] = await Promise.all([source.head(key, { signal }), target.head(key, { signal })]);
      if (from === undefined) tally.skipped(decision.class, { key, size }, "vanished from the source meanwhile");
      else await copier.copyIfNeeded({ key, source: from, target: to }, decision);
    },
    postponed: ({ key, size, decision }, error) =>
      tally.postponed(decision.class, { key: parseKey(key), size }, error.message),
    failed({ key, size, decision }, error) {
      const blob = { key: parseKey(key), size };
      // a conflicting file or folder in the target is reported as a mismatch and never replaced
      if (error.code === "conflict") tally.mismatch(blob, error.message);
      else tally.failed(decision.class, blob, error.message);
    },
  });
}
