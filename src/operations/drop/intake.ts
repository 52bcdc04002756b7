import type { FeedRow } from "../../catalog/feeds.ts";
import type { Format, Place } from "../../formats/format.ts";
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
  // an option wins over what the path of a file seems to say
  const hasOptions = feed.drop_distribution !== null || feed.drop_component !== null;
  return packageIntake(await loadFormat(feed.type), await dropPlace(feed), !hasOptions);
}

/** `byPath`: whether a file at the key of a recorded one, with the same bytes, is that one. */
function packageIntake(format: Format, place: Place | undefined, byPath: boolean): Intake {
  return {
    readsNeighbours: format.readsNeighbours === true,
    isSidecar: (name) => format.isSidecar?.(name) === true,
    async open(context, { pathOf, dryRun, ...options }) {
      const target = await openImportTarget(context, { ...options, dryRun, proof: "whole" });
      return {
        importFiles: (files) =>
          importFoundFiles(context, [target], files, {
            sorting: false,
            move: !dryRun,
            keyOf: byPath ? pathOf : undefined,
            ...place,
          }),
        finish: (summary) => target.finish(summary),
        [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
      };
    },
  };
}
