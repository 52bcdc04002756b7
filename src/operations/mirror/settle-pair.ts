import type { Throttle } from "../../lib/throttle.ts";
import type { BlobInfo, Store } from "../../stores/store.ts";
import type { Context } from "../context.ts";
import { copyBlob } from "../transfer/copy-blob.ts";
import { fetchDetails } from "./fetch-details.ts";
import { keep } from "./delete-extras.ts";
import type { JournalEntry } from "./journal.ts";
import type { Tally } from "./tally.ts";
import type { Trash } from "./trash.ts";
import { uploadNotes } from "../commit/upload-notes.ts";
import { decide, type CompareOptions, type Decision } from "./decide.ts";

/** A blob of the source that the listings alone did not settle. */
export interface Work {
  key: string;
  source: BlobInfo;
  target?: BlobInfo | undefined;
}

export interface SettlerInput {
  source: Store;
  target: Store;
  dryRun: boolean;
  compare: CompareOptions;
  throttle?: Throttle | undefined;
  trash: Trash | undefined;
  tally: Tally;
}

export interface Settler {
  /**
   * Copies, or finds out by a closer look that nothing needs to be copied, and tells which. Returns the proof that both
   * sides are equal now, if there is one.
   */
  settle(work: Work, decision: Decision): Promise<JournalEntry | undefined>;
}

export function createSettler(context: Context, input: SettlerInput): Settler {
  const { source, target, dryRun, compare, throttle, trash, tally } = input;
  const notes = uploadNotes(context, target.name);

  async function look(from: BlobInfo, to: BlobInfo): Promise<Decision> {
    const { checksum, timeWindow } = compare;
    const closer = await fetchDetails(context, { source, target, from, to, checksum, timeWindow });
    const known = { source: closer.from, target: closer.to, proven: false, timesKnown: true };
    return decide(known, { ...compare, checksum: false });
  }

  return {
    async settle({ key, source: from, target: to }, first) {
      const decision = first.action === "look" && to !== undefined ? await look(from, to) : first;
      if (decision.action === "skip") {
        tally.skipped(decision.class, from);
        return decision.class === "same" || decision.class === "tweaked" ? entryOf(key, from, to?.tag) : undefined;
      }
      let tag: string | undefined;
      if (!dryRun) {
        if (trash !== undefined && to !== undefined) await keep(context, target, to, trash);
        // what a power cut takes of it the next run sees by its size, and copies again; the trash gets no second chance
        const put = await copyBlob(context, {
          source,
          target,
          blob: from,
          ifExists: "replace",
          replaces: to !== undefined,
          throttle,
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
