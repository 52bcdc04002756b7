import { resolve } from "node:path";
import { Command, Option, type CommandUnknownOpts } from "commander";
import { counted } from "../../lib/text/format-size.ts";
import { directoryArgument } from "./options.ts";
import { createSystemFiles } from "./system-files.ts";
import { confirm, type Edge } from "../frame/edge.ts";
import { parseLimit } from "../mirror/options.ts";
import { parseAge, parseLocalPath, repeatable } from "../frame/parsers.ts";
import type { MirrorLine } from "../results/schemas/mirror.ts";

export function syncCommand(edge: Edge): CommandUnknownOpts {
  return new Command("sync")
    .description("make the directory, or a folder in it, equal a local folder, deletions included")
    .argument("<local>", "local folder", parseLocalPath)
    .addArgument(directoryArgument())
    .option("--to <folder>", "folder in the directory")
    .option("--dry-run", "only print what would be done")
    .option("--yes", "do not ask before deleting")
    .addOption(
      new Option("--max-delete <N|N%>", "refuse to delete more than this (default: half of the files)").argParser(
        parseLimit,
      ),
    )
    .option("--no-delete", "keep files that are only in the directory")
    .option("--checksum", "compare by hash, not by time")
    .option("--size-only", "compare by size only")
    .addOption(
      new Option("--time-window <time>", "treat times this close as equal, such as 2s for FAT").argParser(parseAge),
    )
    .addOption(repeatable("--include <pattern>", "only files that match"))
    .addOption(repeatable("--exclude <pattern>", "ignore files that match: neither store nor delete them"))
    .addHelpText("after", "\nFiles are compared, and deletions guarded, as in: feedctl mirror")
    .action(async (local: string, directory: string, options, command) =>
      edge.act<MirrorLine>(command, async (context, out) => {
        const { syncAssets } = await import("../../operations/assets/sync.ts");
        const { createFilter } = await import("../../operations/mirror/filter.ts");
        const { parseFolder } = await import("../../operations/assets/paths.ts");
        const { openLog } = await import("../mirror/log.ts");
        const { reportMirror } = await import("../mirror/index.ts");
        const { include = [], exclude = [] } = options;
        const events = syncAssets(context, {
          local: resolve(edge.io.cwd, local),
          directory,
          to: parseFolder(options.to ?? ""),
          dryRun: options.dryRun === true,
          noDelete: !options.delete,
          maxDelete: options.maxDelete,
          compare: {
            checksum: options.checksum === true,
            sizeOnly: options.sizeOnly === true,
            timeWindow: options.timeWindow ?? 1,
            leave: new Set(),
          },
          filter: createFilter({ include, exclude, now: context.now() }),
          retries: 1,
          wait: 1000,
          // puts wait until their batch is recorded: more of them in parallel give larger batches
          concurrency: context.concurrency * 8,
          async approve(deletes, from) {
            out.progress.stop(); // a spinner would draw over the question
            await confirm(edge.io, `delete ${counted(deletes, "extra file")} from ${from}`, options.yes);
          },
        });
        const log = await openLog(edge.io, undefined);
        try {
          const found = createSystemFiles();
          const status = await reportMirror(out, found.watch(events), log, false);
          found.report(out);
          return status;
        } finally {
          await log.close();
        }
      }),
    );
}
