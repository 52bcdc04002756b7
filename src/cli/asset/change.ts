import { Argument, Command, Option, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../../lib/text/format-size.ts";
import { directoryArgument, pathArgument } from "./options.ts";
import { confirm, type Edge } from "../frame/edge.ts";
import type { AssetDeletedResult, AssetStoredLine, FolderMadeResult } from "../results/schemas/asset.ts";

export function changeCommands(edge: Edge): CommandUnknownOpts[] {
  const remove = new Command("delete")
    .description("delete files and folders; paths that do not exist are ignored")
    .addArgument(directoryArgument())
    .argument("<path...>", "files or folders")
    .option("-r, --recursive", "delete folders and their contents")
    .option("--yes", "do not ask")
    .option("--dry-run", "only print what would be deleted")
    .action(async (directory: string, paths: string[], options, command) =>
      edge.act<AssetDeletedResult>(command, async (context, out) => {
        const { deleteAssets, planDelete } = await import("../../operations/assets/delete.ts");
        const { assetDeletedResult } = await import("../results/asset.ts");
        const plans = [];
        for (const path of paths) plans.push(await planDelete(context, directory, path, options.recursive === true));
        const files = plans.reduce((sum, plan) => sum + plan.files, 0);
        const bytes = plans.reduce((sum, plan) => sum + plan.bytes, 0);
        const existing = plans.filter(({ kind }) => kind !== "none");
        const names = existing.map(({ path, kind }) => (kind === "folder" ? `${path}/` : path));
        const listed = names.length <= 3 ? names.join(", ") : counted(names.length, "item");
        const what = `${listed} (${counted(files, "file")}, ${formatSize(bytes)})`;
        if (options.dryRun)
          return out.result(
            { dryRun: true, paths: names, files, bytes },
            existing.length > 0 ? `would delete ${what}` : "nothing to delete",
          );
        if (existing.length > 0) await confirm(edge.io, `delete ${what} from ${directory}`, options.yes);
        const gone = await deleteAssets(context, directory, plans);
        await out.result(assetDeletedResult(gone), existing.length > 0 ? `deleted ${what}` : "nothing to delete");
      }),
    );

  const mkdir = new Command("mkdir")
    .description("create a folder and its parents")
    .addArgument(directoryArgument())
    .addArgument(pathArgument("path of the folder"))
    .action(async (directory: string, path: string, _options, command) =>
      edge.act<FolderMadeResult>(command, async (context, out) => {
        const { makeFolder } = await import("../../operations/assets/make-folders.ts");
        const { folderMadeResult } = await import("../results/asset.ts");
        const made = await makeFolder(context, directory, path);
        await out.result(folderMadeResult(made), made.created > 0 ? `created ${made.path}/` : `${made.path}/ exists`);
      }),
    );
  return [remove, mkdir, copying(edge, "move"), copying(edge, "copy")];
}

function copying(edge: Edge, verb: "move" | "copy"): CommandUnknownOpts {
  const past = verb === "move" ? "moved" : "copied";
  return new Command(verb)
    .description(
      verb === "move"
        ? "move or rename a file or folder"
        : "copy a file, or a folder and its contents; server-side where the provider can",
    )
    .addArgument(directoryArgument())
    .addArgument(new Argument("<from>", "file or folder"))
    .addArgument(
      new Argument(
        "<to>",
        "its new path; or the folder to put it into: an existing one, or one with a slash at its end",
      ),
    )
    .option("--to-dir <dir>", "target asset directory, if it is another one")
    .addOption(new Option("--overwrite", "replace files of the same name").conflicts("skipExisting"))
    .option("--skip-existing", "skip files of the same name")
    .option("--dry-run", `only print what would be ${past}`)
    .action(async (directory: string, from: string, to: string, options, command) =>
      edge.act<AssetStoredLine>(command, async (context, out) => {
        const { copyAssets } = await import("../../operations/assets/copy.ts");
        const { reportAssets } = await import("./report.ts");
        await out.progress.start(`${verb === "move" ? "moving" : "copying"} ${from}`);
        const events = copyAssets(context, {
          directory,
          from,
          to,
          toDirectory: options.toDir,
          move: verb === "move",
          ifExists: options.overwrite ? "replace" : options.skipExisting ? "skip" : "fail",
          dryRun: options.dryRun,
        });
        return await reportAssets(out, events, options.dryRun, past);
      }),
    );
}
