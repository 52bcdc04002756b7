import type { Context } from "../context.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import type { FileOutcome } from "../import/outcome.ts";

export interface IntakeOptions {
  feed: string;
  command: string;
  dryRun: boolean;
  /** What is there with other bytes is replaced. */
  overwrite: boolean;
  /** The path of a file below the drop path, with `/`. */
  pathOf(path: string): string;
}

/** What takes the files of a drop path in. */
export interface Intake {
  /** A file's neighbours decide about it. */
  readonly readsNeighbours: boolean;
  /** Whether a file of that name only accompanies others, and goes with them. */
  isSidecar(name: string): boolean;
  open(context: Context, options: IntakeOptions): Promise<OpenIntake>;
}

export interface OpenIntake extends AsyncDisposable {
  /**
   * Every file has exactly one outcome, which names it. One that is there, verified and recorded, is deleted before its
   * outcome is yielded; not in a dry run.
   */
  take(files: AsyncIterable<FoundFile>): AsyncIterable<FileOutcome>;
  /** The end: what interrupted runs left is cleared away, and the run is recorded. */
  finish(summary: object): Promise<void>;
}
