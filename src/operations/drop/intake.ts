import type { FeedRow } from "../../catalog/feeds.ts";
import type { Format } from "../../formats/format.ts";
import { loadFormat } from "../../formats/index.ts";
import { dropPlace } from "./debian-options.ts";
import { importFoundFiles } from "../import/import-found-files.ts";
import { openImportTarget } from "../import/import-target.ts";
import { openAssetIntake } from "./asset-intake.ts";
import type { Intake } from "./intake-contract.ts";

/** How a feed imports the files of its drop path. Rejects for types that have no package files. */
export async function intakeOf(feed: FeedRow): Promise<Intake> {
  // an asset directory has no sidecars: checksum files are assets too
  if (feed.type === "asset") return { readsNeighbours: false, isSidecar: () => false, open: openAssetIntake };
  return packageIntake(await loadFormat(feed.type), await dropPlace(feed));
}

function packageIntake(format: Format, place: Awaited<ReturnType<typeof dropPlace>>): Intake {
  return {
    readsNeighbours: format.readsNeighbours === true,
    isSidecar: (name) => format.isSidecar?.(name) === true,
    async open(context, { pathOf, dryRun, ...options }) {
      const target = await openImportTarget(context, { ...options, dryRun, prove: true });
      return {
        importFiles: (files) =>
          importFoundFiles(context, [target], files, { sorting: false, move: !dryRun, keyOf: pathOf, ...place }),
        finish: (summary) => target.finish(summary),
        [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
      };
    },
  };
}
