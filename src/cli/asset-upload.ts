import { Command, Option } from "commander";
import { counted, formatSize } from "../lib/size.ts";
import type { AssetOutcome } from "../operations/asset-item.ts";
import type { UploadEvent } from "../operations/upload-assets.ts";
import { cacheOption, contentTypeOption, directoryArgument, parseMetadata } from "./asset-options.ts";
import type { Edge } from "./edge.ts";
import type { Output } from "./output.ts";

export function uploadCommand(edge: Edge): Command {
  return new Command("upload")
    .description("store files and folders; other bytes under the same name are a conflict")
    .addArgument(directoryArgument())
    .argument("<path...>", "files, folders, patterns in quotes, or - for standard input")
    .option("--to <folder>", "folder they go to; of standard input: its path")
    .option("--name <name>", "another name for the one file")
    .option("-r, --recursive", "with all that lies in folders")
    .addOption(new Option("--overwrite", "replace files of the same name").conflicts(["skipExisting", "ifChanged"]))
    .addOption(new Option("--skip-existing", "leave files of the same name alone").conflicts("ifChanged"))
    .option("--if-changed", "replace what differs; what has the same size and time is not read")
    .addOption(contentTypeOption())
    .addOption(cacheOption())
    .option("--metadata <name=value...>", "user metadata")
    .option("--header <name=value...>", "user metadata that is to be sent with the file")
    .option("--dry-run", "only tell what would be stored")
    .addHelpText(
      "after",
      `
A folder is stored under its own name; with a slash at its end (site/), what lies in it is.

Examples:
  $ feedctl asset upload files setup.exe --to installers/
  $ feedctl asset upload files site/ --recursive --if-changed
  $ tar cz logs | feedctl asset upload files - --to backups/logs.tgz`,
    )
    .action(async (directory: string, paths: string[], options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { uploadAssets } = await import("../operations/upload-assets.ts");
        const { findLocalFiles } = await import("../operations/find-local-files.ts");
        const { parseFolder } = await import("../operations/asset-paths.ts");
        const { localItems } = await import("../operations/given-files.ts");
        const { recursive = false, dryRun, contentType, cache } = options;
        const { cwd, stdin } = edge.io;
        await using given = await localItems(context, {
          items: findLocalFiles(
            context,
            paths.filter((path) => path !== "-"),
            { recursive, cwd },
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
          onProgress: ({ path, bytes, size }) =>
            out.progress.tick(`${label}: ${path} ${Math.floor((bytes / size) * 100)}% of ${formatSize(size)}`),
        });
        return await reportAssets(out, events, dryRun, "stored");
      }),
    );
}

const words: Record<AssetOutcome["status"], string> = {
  stored: "stored",
  overwritten: "replaced",
  unchanged: "same",
  skipped: "skipped",
  conflict: "CONFLICT",
  invalid: "INVALID",
  failed: "FAILED",
};

/** Prints what became of each file, and the sum; the exit status. */
export async function reportAssets(
  out: Output,
  events: AsyncIterable<UploadEvent>,
  dryRun: boolean | undefined,
  verb: string,
): Promise<number> {
  let bad = 0;
  let told = 0;
  for await (const event of events) {
    if (event.type === "file") {
      const good = !["conflict", "invalid", "failed"].includes(event.status);
      const moved = event.status === "stored" || event.status === "overwritten";
      out.progress.step(moved ? (event.size ?? 0) : 0);
      // of a hundred thousand files nobody reads each, where all is well
      const worth = !good || (!out.options.quiet && (out.options.verbose || told++ < LINES));
      await out.event(event, worth ? describe(event) : undefined);
      continue;
    }
    out.progress.stop();
    if (!out.options.json && !out.options.quiet && told > LINES && !out.options.verbose)
      out.note(`(and ${told - LINES} more; --verbose tells them all)`);
    bad = event.conflict + event.invalid + event.failed;
    const done = event.stored + event.overwritten;
    const parts = [
      `${dryRun ? "would have " : ""}${verb} ${counted(done, "file")} (${formatSize(event.bytes)})`,
      event.overwritten > 0 ? `${event.overwritten} of them over others` : "",
      event.unchanged > 0 ? `${event.unchanged} already there` : "",
      event.skipped > 0 ? `${event.skipped} passed over` : "",
      event.folders > 0 ? counted(event.folders, "new folder") : "",
      event.conflict > 0 ? counted(event.conflict, "conflict") : "",
      event.invalid > 0 ? `${event.invalid} invalid` : "",
      event.failed > 0 ? `${event.failed} failed` : "",
    ];
    await out.event(event, parts.filter((part) => part !== "").join(", "));
  }
  return bad > 0 ? 3 : 0;
}

const LINES = 200;

function describe(file: AssetOutcome): string {
  const line = `${words[file.status].padEnd(8)}  ${file.path === "" ? file.from : file.path}`;
  return file.reason === undefined ? line : `${line}: ${file.reason}${file.path === "" ? "" : ` (${file.from})`}`;
}
