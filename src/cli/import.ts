import { Command, Option, type CommandUnknownOpts } from "commander";
import { FeedctlError } from "../errors.ts";
import { counted, formatSize } from "../lib/text/format-size.ts";
import type { ImportedFile } from "../operations/import/outcome.ts";
import type { Edge } from "./frame/edge.ts";
import { createItemLines } from "./frame/item-lines.ts";
import type { Output } from "./frame/output.ts";
import { parseAge, parseLocalPath, parseLocalPaths, repeatable } from "./frame/parsers.ts";
import type { ImportLine } from "./results/schemas/import.ts";

export function importCommand(edge: Edge): CommandUnknownOpts {
  return new Command("import")
    .description("import package files; existing packages are kept")
    .argument("[feed]", "name of the feed; with --map: a path like the others", parseLocalPath)
    .argument("[path...]", "package files, directories, patterns in quotes, or - for standard input", parseLocalPaths)
    .option("-r, --recursive", "search directories to any depth")
    .option("--overwrite", "replace packages that the feed has with other bytes")
    .option("--move", "delete a file once its package is in the feed, stored and recorded")
    .option("--settle <time>", "with --move: how long a file must not change before it is read (5s)", parseAge)
    .addOption(repeatable("--include <pattern>", "only files that match"))
    .addOption(repeatable("--exclude <pattern>", "no files that match"))
    .addOption(
      new Option("--published-from <what>", "publish date of new versions: the file's time, or now").choices([
        "file",
        "now",
      ]),
    )
    .addOption(
      new Option("--on-conflict <what>", "a package that the feed has with other bytes fails, or is skipped").choices([
        "fail",
        "skip",
      ]),
    )
    .option("--detect", "detect each file's type from its contents; files of other types are skipped")
    .addOption(repeatable("--map <type=feed>", "sort files by their type into feeds; implies --detect"))
    .option("--distribution <name>", "Debian: distribution of the packages (stable)")
    .option("--component <name>", "Debian: component of the packages (main)")
    .option("--dry-run", "only print what would be imported")
    .addHelpText(
      "after",
      `
With --move a file is looked at twice, the settle time apart; one that changes meanwhile fails and stays.

Standard input (-) may be one package, or a list of paths separated by line ends or NUL characters.

Examples:
  $ feedctl import internal dist/*.tgz
  $ feedctl import internal /srv/builds --recursive --json | jq 'select(.status == "invalid")'
  $ feedctl import --map npm=web --map nuget=net --recursive /srv/drop
  $ find /srv -name '*.deb' -newer .stamp -print0 | feedctl import debian -`,
    )
    .action(async (feed: string | undefined, paths: string[] = [], options, command) =>
      edge.act<ImportLine>(command, async (context, out) => {
        const { importPackages } = await import("../operations/import/import.ts");
        const { readStandardInput } = await import("../operations/import/stdin-paths.ts");
        const { recursive, overwrite, move, settle, include, exclude, dryRun, distribution, component } = options;
        const target = await targets(context, options, feed, paths);
        await using given = await readStandardInput(context, edge.io.stdin, target.paths);
        await out.progress.start(`importing into ${target.feeds.join(" and ")}`);
        const events = importPackages(context, {
          feeds: target.feeds,
          paths: given.paths,
          cwd: edge.io.cwd,
          detect: options.detect,
          recursive,
          overwrite,
          move,
          settle,
          include,
          exclude,
          dryRun,
          distribution,
          component,
          publishedFrom: options.publishedFrom,
          onConflict: options.onConflict,
        });
        // `given` deletes the temporary file when this scope ends: await before returning
        return await reportImport(out, events, dryRun);
      }),
    );
}

/** The target feeds and the paths. With --map every argument is a path. Throws `usage` when one is missing. */
async function targets(
  context: Parameters<typeof import("../operations/import/feeds-by-type.ts").feedsOfMap>[0],
  options: { map?: string[] },
  feed: string | undefined,
  paths: string[],
): Promise<{ feeds: readonly string[]; paths: string[] }> {
  const missing = (what: string) =>
    new FeedctlError("usage", `${what} is missing`, { hint: "see: feedctl import --help" });
  const aPath = "the path of a package file or directory";
  if (feed === undefined) throw missing(options.map === undefined ? "the feed or a path" : aPath);
  if (options.map === undefined) {
    if (paths.length === 0) throw missing(aPath);
    return { feeds: [feed], paths };
  }
  const { feedsOfMap } = await import("../operations/import/feeds-by-type.ts");
  return { feeds: await feedsOfMap(context, options.map), paths: [feed, ...paths] };
}

/** Prints the outcome of each file and the summary. Returns the exit status. */
async function reportImport(
  out: Output<ImportLine>,
  events: ReturnType<typeof import("../operations/import/import.ts").importPackages>,
  dryRun: boolean | undefined,
): Promise<number> {
  const { importLine } = await import("./results/import.ts");
  let failures = 0;
  const lines = createItemLines(out);
  for await (const event of events) {
    if (event.type === "file") {
      out.progress.step(event.status === "imported" ? (event.size ?? 0) : 0);
      const isPlain = isGood(event) && (out.options.quiet || event.warnings.length === 0);
      await out.event(importLine(event), lines.wants(isPlain) ? describeFile(event, dryRun) : undefined);
      continue;
    }
    out.progress.stop();
    lines.end();
    failures = event.conflicts + event.invalid + event.failed;
    const parts = [
      `${dryRun ? "would import" : "imported"} ${counted(event.imported, "file")} (${formatSize(event.bytes)})`,
      event.overwritten > 0 ? `${event.overwritten} of them replaced` : "",
      `${event.existing} already there`,
      event.restored > 0 ? `${event.restored} restored` : "",
      counted(event.conflicts, "conflict"),
      `${event.invalid} invalid`,
      `${event.failed} failed`,
      event.skipped > 0 ? `${event.skipped} skipped` : "",
    ];
    await out.event(importLine(event), parts.filter((part) => part !== "").join(", "));
  }
  return failures > 0 ? 3 : 0;
}

export function isGood({ status }: ImportedFile): boolean {
  return status !== "conflict" && status !== "invalid" && status !== "failed";
}

export const statusWords: Record<ImportedFile["status"], string> = {
  imported: "imported",
  overwritten: "replaced",
  existing: "existing",
  restored: "restored",
  skipped: "skipped",
  conflict: "CONFLICT",
  invalid: "INVALID",
  failed: "FAILED",
};

export function describeFile(file: ImportedFile, dryRun: boolean | undefined): string {
  const title = `${file.group ? `${file.group}/` : ""}${file.name} ${file.version}`;
  const name = file.name === null ? (file.key ?? file.file) : title;
  const what = file.feed === null ? name : `${name} -> ${file.feed}`;
  const line = `${(dryRun && file.status === "imported" ? "new" : statusWords[file.status]).padEnd(8)}  ${what}`;
  if (file.reason !== null && (!isGood(file) || file.status === "skipped"))
    return `${line}: ${file.reason}${file.name === null ? "" : ` (${file.file})`}`;
  return file.warnings.length === 0 ? line : `${line} (${file.warnings.join("; ")})`;
}
