import type { Spool } from "../../lib/spool.ts";
import type { Throttle } from "../../lib/throttle.ts";
import type { Store } from "../../stores/store.ts";
import type { Transfer } from "../transfer/transfer-pool.ts";
import type { CompareOptions, Decision, Limit } from "./decide.ts";
import type { Extra } from "./delete-extras.ts";
import type { Filter } from "./filter.ts";
import type { ForeignNames } from "./foreign-names.ts";
import type { Journal, OrderedProofs } from "./journal.ts";
import type { Obstacles } from "./name-clashes.ts";
import type { Place } from "./parse-location.ts";
import type { Settler } from "./settle-pair.ts";
import type { Tally } from "./tally.ts";
import type { Trash } from "./trash.ts";

export interface MirrorInput {
  source: Place;
  target: Place;
  /** Stands in for the target's store, and records what it does in the catalog; the mirror closes it. */
  through?: Store | undefined;
  dryRun: boolean;
  /** Extras are reported and stay. */
  noDelete: boolean;
  maxDelete?: Limit | undefined;
  compare: CompareOptions;
  filter: Filter;
  /** Failed blobs are tried again this many times, each time after `wait` milliseconds. */
  retries: number;
  wait: number;
  concurrency: number;
  /** Slows the reading of the source down. */
  throttle?: Throttle | undefined;
  /** Key prefix in the target for what would be deleted or overwritten. */
  trash?: string | undefined;
  /** Asked before the first delete; throws to refuse. */
  approve(deletes: number, from: string): Promise<void>;
}

/** A blob whose copy failed, as it is put aside to be tried again. */
export type Postponed = { key: string; size: number; decision: Decision };

/** One mirror under way. */
export interface MirrorRun {
  input: MirrorInput;
  /** For messages. */
  names: { source: string; target: string };
  source: Store;
  target: Store;
  trash: Trash | undefined;
  tally: Tally;
  /** What earlier runs proved to be equal, and what this run does. */
  journal: Journal;
  proofs: OrderedProofs;
  /** Blobs that are in the target only. */
  extras: Spool<Extra>;
  /** Listed blobs that the filters let through. */
  counts: { sources: number; targets: number };
  /** Names of the source that can be no blob. */
  foreign: ForeignNames;
  obstacles: Obstacles;
  settler: Settler;
  transfer: Transfer<Postponed>;
}
