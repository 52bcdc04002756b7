import { Command, Option, type CommandUnknownOpts } from "commander";
import { formatSize } from "../../lib/text/format-size.ts";
import { cacheOption, contentTypeOption, directoryArgument, parseMetadata } from "./options.ts";
import type { Edge } from "../frame/edge.ts";
import { reportAssets } from "./report.ts";
import { createSystemFiles } from "./system-files.ts";
import { parseLocalPaths, repeatable } from "../frame/parsers.ts";
import type { AssetStoredLine } from "../results/schemas/asset.ts";

export function uploadCommand(edge: Edge): CommandUnknownOpts {
  return new Command("upload")
    .description("store files and folders; a file of the same name with other bytes is a conflict")
    .addArgument(directoryArgument())
    .argument("<path...>", "files, folders, patterns in quotes, or - for standard input", parseLocalPaths)
    .option("--to <folder>", "target folder; for standard input: target path")
    .option("--name <name>", "another name, for a single file")
    .option("-r, --recursive", "upload folders with their contents")
    .addOption(new Option("--overwrite", "replace files of the same name").conflicts(["skipExisting", "ifChanged"]))
    .addOption(new Option("--skip-existing", "skip files of the same name").conflicts("ifChanged"))
    .option("--if-changed", "replace files that differ; files with the same size and time are not read")
    .addOption(repeatable("--include <pattern>", "of folders and patterns, only files that match"))
    .addOption(repeatable("--exclude <pattern>", "of folders and patterns, no files that match"))
    .addOption(contentTypeOption())
    .addOption(cacheOption())
    .addOption(repeatable("--metadata <name=value>", "user metadata"))
    .addOption(repeatable("--header <name=value>", "user metadata that is sent with the file as headers"))
    .option("--dry-run", "only print what would be stored")
    .addHelpText(
      "after",
      `
A folder is stored under its own name; with a slash at its end (site/), its contents are stored without the folder.

Examples:
  $ feedctl asset upload files setup.exe --to installers/
  $ feedctl asset upload files site/ --recursive --if-changed
  $ tar cz logs | feedctl asset upload files - --to backups/logs.tgz`,
    )
    .action(async (directory: string, paths: string[], options, command) =>
      edge.act<AssetStoredLine>(command, async (context, out) => {
        const { uploadAssets } = await import("../../operations/assets/upload.ts");
        const { findLocalFiles } = await import("../../operations/local-files/find-local-files.ts");
        const { parseFolder } = await import("../../operations/assets/paths.ts");
        const { localItems } = await import("../../operations/assets/upload-sources.ts");
        const { pathFilter } = await import("../../operations/local-files/patterns.ts");
        const { recursive = false, dryRun, contentType, cache } = options;
        const { cwd, stdin } = edge.io;
        await using given = await localItems(context, {
          items: findLocalFiles(
            context,
            paths.filter((path) => path !== "-"),
            { recursive, cwd, isSelected: pathFilter(options.include ?? [], options.exclude ?? []) },
          ),
          stdin: paths.includes("-") ? stdin : undefined,
          to: options.to ?? "",
          name: options.name,
        });
        const metadata = parseMetadata(options.metadata ?? [], options.header ?? []);
        const label = `uploading to ${directory}`;
        const events = uploadAssets(context, {
          directory,
          items: given.items,
          to: parseFolder(given.to),
          dryRun,
          contentType,
          ifExists: options.overwrite || options.ifChanged ? "replace" : options.skipExisting ? "skip" : "fail",
          ifChanged: options.ifChanged,
          cacheControl: cache,
          metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
          onPlan: (files) => void out.progress.start(label, files),
          onProgress: ({ path, doing, bytes, size }) => {
            const part = `${Math.floor((bytes / size) * 100)}% of ${formatSize(size)}`;
            out.progress.tick(`${label}: ${path} ${part}${doing === "reading" ? " read" : ""}`);
          },
        });
        const found = createSystemFiles();
        const status = await reportAssets(out, found.watch(events), dryRun, "stored");
        found.report(out);
        return status;
      }),
    );
}
