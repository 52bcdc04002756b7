import { Command, Option, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../../lib/text/format-size.ts";
import { directoryArgument } from "./options.ts";
import { reportAssets } from "./report.ts";
import { createSystemFiles } from "./system-files.ts";
import type { Edge } from "../frame/edge.ts";
import { parseLocalPath, parseSize, repeatable } from "../frame/parsers.ts";
import { saveWhole } from "../frame/save-whole.ts";
import type { AssetExportResult, AssetStoredLine } from "../results/schemas/asset.ts";

export function archiveCommands(edge: Edge): CommandUnknownOpts[] {
  const importing = new Command("import-archive")
    .description("expand a zip, tar.gz, tar.zst or tar archive into the directory")
    .addArgument(directoryArgument())
    .argument("<archive>", "the archive, or - for standard input", parseLocalPath)
    .option("--to <folder>", "folder to expand it into")
    .option("--overwrite", "replace files of the same name (default: they are skipped)")
    .addOption(
      new Option("--max-size <size>", "refuse an archive that unpacks to more (default: 4G)").argParser(parseSize),
    )
    .addOption(repeatable("--include <pattern>", "only entries that match"))
    .addOption(repeatable("--exclude <pattern>", "no entries that match"))
    .option("--name-encoding <encoding>", "encoding of names that are not marked as UTF-8 (zip: UTF-8, else cp437)")
    .option("--dry-run", "only print what would be stored")
    .addHelpText(
      "after",
      `
An archive with links, with paths outside it, or with names that differ only in case is refused as a whole, before
anything is written. So is one that unpacks to more than 1000 times its size, unless --max-size is given.`,
    )
    .action(async (directory: string, archive: string, options, command) =>
      edge.act<AssetStoredLine>(command, async (context, out) => {
        const { resolve } = await import("node:path");
        const { importArchive } = await import("../../operations/archives/import-archive.ts");
        const { parseFolder } = await import("../../operations/assets/paths.ts");
        const { keepStream, requirePiped } = await import("../../operations/local-files/keep-stream.ts");
        const { pathFilter } = await import("../../operations/local-files/patterns.ts");
        const label = `expanding ${archive === "-" ? "standard input" : archive}`;
        await out.progress.start(label);
        if (archive === "-") requirePiped(edge.io.stdin);
        await using kept = archive === "-" ? await keepStream(context, edge.io.stdin) : undefined;
        const events = importArchive(context, {
          directory,
          path: kept?.path ?? resolve(edge.io.cwd, archive),
          to: parseFolder(options.to ?? ""),
          overwrite: options.overwrite === true,
          isSelected: pathFilter(options.include ?? [], options.exclude ?? []),
          nameEncoding: options.nameEncoding,
          maxSize: options.maxSize,
          dryRun: options.dryRun,
          onPlan: (files) => void out.progress.start(label, files),
        });
        const found = createSystemFiles();
        const status = await reportAssets(out, found.watch(events), options.dryRun, "stored");
        found.report(out);
        return status;
      }),
    );

  const exporting = new Command("export")
    .description("write a folder and its contents as an archive; the same folder gives the same bytes")
    .addArgument(directoryArgument())
    .argument("[folder]", "folder in the directory", "")
    .addOption(new Option("--format <format>", "format of the archive").choices(["zip", "tgz"]).makeOptionMandatory())
    .option("-o, --output <file>", "file to write; - for stdout (default: the folder's name, in the current folder)")
    .option("--overwrite", "replace an existing file")
    .action(async (directory: string, folder: string, options, command) =>
      edge.act<AssetExportResult>(command, async (context, out) => {
        const { exportAssets } = await import("../../operations/archives/export.ts");
        const { format } = options;
        await out.progress.start(`exporting ${folder === "" ? directory : folder}`);
        const onFile = (size: number) => out.progress.step(size);
        await using made = await exportAssets(context, { directory, folder, format, onFile });
        const output = options.output ?? `${made.name}.${format}`;
        if (output === "-") out.progress.stop();
        const file = await saveWhole(edge.io, made.bytes, output, options.overwrite === true);
        out.progress.stop();
        if (file === undefined) return;
        const { files, size } = made;
        await out.result(
          { file, files, bytes: size },
          `wrote ${file}: ${counted(files, "file")} (${formatSize(size)})`,
        );
      }),
    );
  return [importing, exporting];
}
