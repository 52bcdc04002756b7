import { Command } from "commander";
import { counted, formatSize } from "../lib/size.ts";
import type { ImportedFile } from "../operations/import-outcome.ts";
import type { Edge } from "./edge.ts";
import { feedArgument } from "./parsers.ts";

export function importCommand(edge: Edge): Command {
  return new Command("import")
    .description("import package files; what is already there is left alone")
    .addArgument(feedArgument())
    .argument("<path...>", "package files, directories, or patterns in quotes")
    .option("-r, --recursive", "search directories to any depth")
    .option("--dry-run", "only tell what would be imported")
    .addHelpText(
      "after",
      `
Examples:
  $ feedctl import internal dist/*.tgz
  $ feedctl import internal /srv/builds --recursive --json | jq 'select(.status == "invalid")'`,
    )
    .action(async (feed: string, paths: string[], options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { importPackages } = await import("../operations/import-packages.ts");
        await out.progress.start(`importing into ${feed}`);
        let failures = 0;
        for await (const event of importPackages(context, {
          feed,
          paths,
          recursive: options.recursive,
          dryRun: options.dryRun,
        })) {
          if (event.type === "file") {
            out.progress.step(event.status === "imported" ? (event.size ?? 0) : 0);
            await out.event(event, out.options.quiet && isGood(event) ? undefined : describe(event, options.dryRun));
            continue;
          }
          out.progress.stop();
          failures = event.conflicts + event.invalid + event.failed;
          const verb = options.dryRun ? "would import" : "imported";
          await out.event(
            event,
            `${verb} ${counted(event.imported, "file")} (${formatSize(event.bytes)}), ${event.existing} already there, ${counted(event.conflicts, "conflict")}, ${event.invalid} invalid, ${event.failed} failed`,
          );
        }
        return failures > 0 ? 3 : 0;
      }),
    );
}

function isGood(file: ImportedFile): boolean {
  return file.status === "imported" || file.status === "existing";
}

const words = {
  imported: "imported",
  existing: "existing",
  conflict: "CONFLICT",
  invalid: "INVALID",
  failed: "FAILED",
};

function describe(file: ImportedFile, dryRun: boolean | undefined): string {
  const what =
    file.name === undefined ? file.file : `${file.group ? `${file.group}/` : ""}${file.name} ${file.version}`;
  const line = `${(dryRun && file.status === "imported" ? "new" : words[file.status]).padEnd(8)}  ${what}`;
  if (file.reason !== undefined && !isGood(file))
    return `${line}: ${file.reason}${file.name === undefined ? "" : ` (${file.file})`}`;
  return file.warnings === undefined ? line : `${line} (${file.warnings.join("; ")})`;
}
