import type { Spool } from "../../lib/lists/spool.ts";
import type { Throttle } from "../../lib/concurrency/throttle.ts";
import type { Store } from "../../stores/store.ts";
import type { Preserve } from "../transfer/preserve.ts";
import type { Transfer } from "../transfer/transfer-pool.ts";
import type { CompareOptions, Decision, Limit } from "./decide.ts";
import type { Extra } from "./delete-extras.ts";
import type { Filter } from "./filter.ts";
import type { ForeignNames } from "./foreign-names.ts";
import type { Journal, OrderedProofs } from "./journal.ts";
import type { Modes } from "./modes.ts";
import type { NameClashes } from "./name-clashes.ts";
import type { Place } from "./parse-location.ts";
import type { PairCopier } from "./pair-copier.ts";
import type { Tally } from "./tally.ts";
import type { Trash } from "./trash.ts";

export interface MirrorInput {
  source: Place;
  target: Place;
  /** Used instead of the target's store, and records its changes in the catalog. The mirror closes it. */
  through?: Store | undefined;
  /** Folders of that store, which has no disk to look at. A file cannot have the name of one of them. */
  folders?: ReadonlySet<string> | undefined;
  dryRun: boolean;
  /** Extras are reported and not deleted. */
  noDelete: boolean;
  maxDelete?: Limit | undefined;
  compare: CompareOptions;
  filter: Filter;
  /** How many times failed blobs are retried. */
  retries: number;
  /** Milliseconds before each retry. */
  wait: number;
  concurrency: number;
  /** What copies get of the source besides headers and metadata. */
  preserve?: Preserve | undefined;
  /** Files get the permission bits of the source's. Both ends are disks. */
  copyModes?: boolean | undefined;
  /** Empty directories are made and removed as in the source. Both ends are disks. */
  emptyFolders?: boolean | undefined;
  /** Limits the rate at which the source is read. */
  throttle?: Throttle | undefined;
  /** Key prefix in the target that keeps copies of deleted and overwritten blobs. */
  trash?: string | undefined;
  /** Called before the first delete; throws to refuse. */
  approve(deletes: number, from: string, what?: "file" | "directory"): Promise<void>;
}

/** A blob whose copy failed, in the form that is spooled for a retry. */
export type Postponed = { key: string; size: number; decision: Decision };

/**
 * A blob that can be stored only after extras are deleted: a file became a folder, or a folder a file. `reason`: why it
 * is a mismatch until then.
 */
export type Deferred = Postponed & { reason: string };

/** Whether the extras were deleted, or it was decided that they stay. */
export interface DeletePhase {
  areOver: boolean;
}

/** The state of a running mirror. */
export interface MirrorRun {
  input: MirrorInput;
  /** For messages. */
  names: { source: string; target: string };
  source: Store;
  target: Store;
  trash: Trash | undefined;
  tally: Tally;
  /** Proofs of the previous run. */
  journal: Journal;
  /** Proofs of this run. */
  proofs: OrderedProofs;
  /** Blobs that are only in the target. */
  extras: Spool<Extra>;
  /** Listed blobs that the filters select. */
  counts: { sources: number; targets: number };
  /** Names in the source that are not blobs. */
  foreign: ForeignNames;
  /** Names in the target that are not blobs. They stay. */
  foreignInTarget: ForeignNames;
  clashes: NameClashes<Deferred>;
  deferred: Spool<Deferred>;
  deletes: DeletePhase;
  copier: PairCopier;
  /** Undefined: the bits of files are not compared. */
  modes: Modes | undefined;
  transfer: Transfer<Postponed>;
}
