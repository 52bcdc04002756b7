import type { Throttle } from "../../lib/concurrency/throttle.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { copyBlob, requireReadable } from "../transfer/copy-blob.ts";
import type { Preserve } from "../transfer/preserve.ts";
import type { Modes } from "./modes.ts";
import { fetchDetails } from "./fetch-details.ts";
import { copyToTrash } from "./delete-extras.ts";
import type { JournalEntry } from "./journal.ts";
import type { Tally } from "./tally.ts";
import type { Trash } from "./trash.ts";
import { uploadNotes } from "../commit/upload-notes.ts";
import { decide, type CompareOptions, type Decision } from "./decide.ts";

/** A blob of the source that is copied, or compared first. */
export interface CopyTask {
  key: string;
  source: BlobInfo;
  target?: BlobInfo | undefined;
}

export interface PairCopierInput {
  source: Store;
  target: Store;
  dryRun: boolean;
  compare: CompareOptions;
  throttle?: Throttle | undefined;
  preserve?: Preserve | undefined;
  trash: Trash | undefined;
  tally: Tally;
  modes: Modes | undefined;
}

export interface PairCopier {
  /**
   * Copies the blob. When the decision is `compare`, compares times and hashes first, and copies only if they differ.
   * The tally counts the result. Returns the proof that both sides are equal now; undefined when a tag is not known.
   */
  copyIfNeeded(task: CopyTask, decision: Decision): Promise<JournalEntry | undefined>;
}

export function createPairCopier(context: Context, input: PairCopierInput): PairCopier {
  const { source, target, dryRun, compare, throttle, preserve, trash, tally, modes } = input;
  const notes = uploadNotes(context, target.name);

  async function compareContents(from: BlobInfo, to: BlobInfo): Promise<Decision> {
    const { checksum, timeWindow } = compare;
    const details = await fetchDetails(context, { source, target, from, to, checksum, timeWindow });
    const known = { source: details.from, target: details.to, proven: false, timesKnown: true };
    return decide(known, { ...compare, checksum: false });
  }

  return {
    async copyIfNeeded({ key, source: from, target: to }, first) {
      const decision = first.action === "compare" && to !== undefined ? await compareContents(from, to) : first;
      if (decision.action === "skip") {
        if (decision.class !== "same" && decision.class !== "tweaked") {
          tally.skipped(decision.class, from);
          return undefined;
        }
        const changed = await modes?.update(from.key);
        if (changed === undefined) tally.skipped(decision.class, from);
        else tally.modeChanged(decision.class, from, changed.reason);
        return entryOf(key, from, changed?.tag ?? to?.tag);
      }
      // a dry run reports what cannot be read, too
      await requireReadable(context, source, from);
      let tag: string | undefined;
      if (!dryRun) {
        if (trash !== undefined && to !== undefined) await copyToTrash(context, target, to, trash);
        // not durable: after a power cut the next run sees a wrong size and copies again; the trash has no next run
        const put = await copyBlob(context, {
          source,
          target,
          blob: from,
          ifExists: "replace",
          replaces: to !== undefined,
          throttle,
          preserve,
          mode: modes?.of(from.key),
          durable: false,
          notes,
        });
        tag = put.tag;
      }
      tally.copied(decision.class, from);
      return entryOf(key, from, tag);
    },
  };
}

function entryOf(key: string, source: BlobInfo, targetTag: string | undefined): JournalEntry | undefined {
  return source.tag === undefined || targetTag === undefined
    ? undefined
    : { key, source: source.tag, target: targetTag };
}
