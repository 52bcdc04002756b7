import type { FeedRow } from "../../catalog/feeds.ts";
import type { FeedType } from "../../formats/feed-types.ts";
import type { Format } from "../../formats/format.ts";
import { loadFormat } from "../../formats/index.ts";
import type { Context } from "../context.ts";
import type { FoundFile } from "../import/find-package-files.ts";
import { dropPlace } from "./debian-options.ts";
import { importCandidates } from "../import/import-found-files.ts";
import { openLane } from "../import/import-target.ts";
import type { ImportedFile } from "../import/outcome.ts";
import { openAssetIntake } from "./asset-intake.ts";

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
   * Answers every file exactly once, by its path. One that is there, verified and recorded, is deleted before it is
   * answered; not in a dry run.
   */
  take(files: AsyncIterable<FoundFile>): AsyncIterable<ImportedFile>;
  /** The end: what interrupted runs left is cleared away, and the run is recorded. */
  finish(summary: object): Promise<void>;
}

/** The one place that says what can be filled from a drop path, and how. */
export async function intakeOf(feed: FeedRow): Promise<Intake> {
  // every file is one of its own: a checksum beside it is a file, too
  if (feed.type === "asset") return { readsNeighbours: false, isSidecar: () => false, open: openAssetIntake };
  return packageIntake(await loadFormat(feed.type as FeedType), await dropPlace(feed));
}

function packageIntake(format: Format, place: Awaited<ReturnType<typeof dropPlace>>): Intake {
  return {
    readsNeighbours: format.readsNeighbours === true,
    isSidecar: (name) => format.isSidecar?.(name) === true,
    async open(context, { pathOf, dryRun, ...options }) {
      const lane = await openLane(context, { ...options, dryRun, prove: true });
      return {
        take: (files) =>
          importCandidates(context, [lane], files, { sorting: false, move: !dryRun, keyOf: pathOf, ...place }),
        finish: (summary) => lane.finish(summary),
        [Symbol.asyncDispose]: () => lane[Symbol.asyncDispose](),
      };
    },
  };
}
