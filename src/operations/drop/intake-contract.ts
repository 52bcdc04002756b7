import type { FeedRef } from "../feed-store/find-feed.ts";
import type { Context } from "../context.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import type { FileOutcome } from "../import/outcome.ts";

export interface IntakeOptions {
  feed: FeedRef;
  command: string;
  dryRun: boolean;
  /** Whether existing files with other bytes are replaced. */
  overwrite: boolean;
  /** The path of a file relative to the drop path, with `/`. */
  pathOf(path: string): string;
}

/** How the files of a drop path are imported, by the type of its feed. */
export interface Intake {
  /** Whether reading a file requires the other files of its folder. */
  readonly readsNeighbours: boolean;
  /** Whether a file of that name is a sidecar: not a package, and deleted with the package that it belongs to. */
  isSidecar(name: string): boolean;
  open(context: Context, options: IntakeOptions): Promise<OpenIntake>;
}

export interface OpenIntake extends AsyncDisposable {
  /**
   * Imports files and yields exactly one outcome for each. A file that is stored, verified and recorded is deleted
   * before its outcome is yielded; not in a dry run.
   */
  importFiles(files: AsyncIterable<FoundFile>): AsyncIterable<FileOutcome>;
  /** Finishes the pending work of interrupted runs and records this run. Call it once, at the end. */
  finish(summary: object): Promise<void>;
}
