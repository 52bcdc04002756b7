import { Argument, Command, Option, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../../lib/text/format-size.ts";
import type { KeptRow } from "../../catalog/assets/history.ts";
import { directoryArgument, pathArgument } from "./options.ts";
import { confirm, type Edge } from "../frame/edge.ts";
import { parseAge, wholeNumber } from "../frame/parsers.ts";
import type { AssetRestoredResult, KeptResult, PrunedResult, VersioningResult } from "../results/schemas/asset.ts";

export function historyCommands(edge: Edge): CommandUnknownOpts[] {
  const history = new Command("history")
    .description("list or prune earlier versions: content that was overwritten or deleted")
    .addArgument(directoryArgument())
    .argument("[path]", "only this file")
    .option("--prune", "delete versions, except those that --keep and --older-than keep")
    .addOption(new Option("--keep <n>", "keep the newest versions of each file").argParser(wholeNumber(0, 1_000_000)))
    .addOption(
      new Option("--older-than <time>", "delete only versions older than this, such as 30d").argParser(parseAge),
    )
    .option("--yes", "do not ask")
    .option("--dry-run", "only print what would be deleted")
    .action(async (directory: string, path: string | undefined, options, command) =>
      edge.act<KeptResult | PrunedResult>(command, async (context, out) => {
        const { keptResult, prunedResult } = await import("../results/asset.ts");
        const operations = await import("../../operations/assets/history.ts");
        if (!options.prune) {
          await out.table(operations.listHistory(context, directory, path), columns, keptResult);
          return;
        }
        const { keep, olderThan } = options;
        const selected = await operations.planPrune(context, { directory, path, keep, olderThan });
        const bytes = selected.reduce((sum, { size }) => sum + size, 0);
        const what = `${counted(selected.length, "earlier version")} (${formatSize(bytes)})`;
        if (options.dryRun)
          return out.result({ dryRun: true, versions: selected.map(keptResult) }, `would delete ${what}`);
        if (selected.length > 0) await confirm(edge.io, `delete ${what} from ${directory}`, options.yes);
        const pruned = await operations.pruneHistory(context, directory, selected);
        await out.result(prunedResult(pruned), `deleted ${what}`);
      }),
    );

  const restore = new Command("restore")
    .description("restore an earlier version of a file")
    .addArgument(directoryArgument())
    .addArgument(pathArgument("file"))
    .addArgument(
      new Argument("[version]", "number that history shows (default: the newest that differs)").argParser(
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .action(async (directory: string, path: string, version: number | undefined, _options, command) =>
      edge.act<AssetRestoredResult>(command, async (context, out) => {
        const { restoreAsset } = await import("../../operations/assets/history.ts");
        const { assetRestoredResult } = await import("../results/asset.ts");
        const restored = await restoreAsset(context, { directory, path, version });
        const good = ["stored", "overwritten", "unchanged"].includes(restored.status);
        const text = `restored ${restored.path} from version ${restored.version}`;
        await out.result(assetRestoredResult(restored), good ? text : `FAILED  ${restored.path}: ${restored.reason}`);
        return good ? 0 : 3;
      }),
    );

  const versioning = new Command("versioning")
    .description("switch keeping of earlier versions on or off")
    .addArgument(directoryArgument())
    .addArgument(new Argument("<state>", "off keeps the versions that exist").choices(["on", "off"]))
    .action(async (directory: string, state: string, _options, command) =>
      edge.act<VersioningResult>(command, async (context, out) => {
        const { switchVersioning } = await import("../../operations/assets/history.ts");
        const done = await switchVersioning(context, directory, state === "on");
        await out.result(
          { directory: done.directory, versioning: done.versioning },
          `versioning of ${done.directory} is ${state}`,
        );
      }),
    );
  return [history, restore, versioning];
}

const columns = [
  { title: "version", value: (row: KeptRow) => String(row.version), right: true },
  { title: "path", value: (row: KeptRow) => row.path },
  { title: "size", value: (row: KeptRow) => formatSize(row.size), right: true },
  { title: "modified", value: (row: KeptRow) => row.modifiedAt.toISOString().slice(0, 19).replace("T", " ") },
  { title: "why", value: (row: KeptRow) => row.reason },
  { title: "when", value: (row: KeptRow) => row.keptAt.toISOString().slice(0, 19).replace("T", " ") },
  { title: "by", value: (row: KeptRow) => row.keptBy },
];
