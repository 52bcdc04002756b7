import { Command, Option, type CommandUnknownOpts } from "commander";
import { counted } from "../lib/format-size.ts";
import type { CountedFile } from "../operations/usage/import-logs.ts";
import type { Edge } from "./frame/edge.ts";
import { feedArgument } from "./frame/parsers.ts";
import type { UsageLine } from "./results/schemas/retention.ts";

export function usageCommand(edge: Edge): CommandUnknownOpts {
  const usage = new Command("usage").description("record downloads, for retention rules");
  usage
    .command("import")
    .description("count the downloads in access logs of buckets and web servers; each line counts once")
    .addArgument(feedArgument())
    .argument("<file...>", "log files, also gzip")
    .addOption(
      new Option("--format <format>", "format of the logs")
        .choices(["s3", "azure", "combined", "auto"])
        .default("auto"),
    )
    .option("--prefix <path>", "what precedes a file's key in a request (default: the path of the feed's store)")
    .addHelpText(
      "after",
      `
Formats: Amazon S3 server access logs; Azure Storage logs, 1.0, 2.0 and JSON lines; common and combined web server logs.

Examples:
  $ feedctl usage import internal /var/log/nginx/access.log* --prefix /npm/internal/
  $ feedctl usage import internal logs/2026-11-*`,
    )
    .action(async (feed: string, files: string[], options, command) =>
      edge.act<UsageLine>(command, async (context, out) => {
        const { importUsage } = await import("../operations/usage/import-logs.ts");
        const { usageLine } = await import("./results/retention.ts");
        const { resolve } = await import("node:path");
        await out.progress.start(`counting ${counted(files.length, "log")}`);
        const paths = files.map((file) => resolve(edge.io.cwd, file));
        let failed = 0;
        for await (const event of importUsage(context, {
          feed,
          files: paths,
          format: options.format,
          prefix: options.prefix,
        })) {
          if (event.type === "log") {
            await out.event(
              usageLine(event),
              out.options.quiet && event.status !== "failed" ? undefined : describe(event),
            );
            continue;
          }
          out.progress.stop();
          failed = event.failed;
          const parts = [
            `${counted(event.downloads, "download")} of feed ${event.feed} in ${counted(event.files, "log")}`,
            event.known > 0 ? `${event.known} counted before` : "",
            event.foreign > 0 ? `${event.foreign} of other files` : "",
            event.unreadable > 0 ? `${counted(event.unreadable, "line")} not readable` : "",
            event.failed > 0 ? `${event.failed} failed` : "",
          ];
          await out.event(usageLine(event), parts.filter((part) => part !== "").join(", "));
          if (event.downloads === 0 && event.foreign > 0)
            out.warn(`no request matches a file of feed ${event.feed}; check the prefix: --prefix /path/in/requests/`);
        }
        return failed > 0 ? 3 : 0;
      }),
    );
  return usage;
}

function describe({ file, status, lines, downloads, reason }: CountedFile): string {
  if (status === "failed") return `FAILED    ${file}: ${reason}`;
  if (status === "known") return `known     ${file}`;
  return `counted   ${file}: ${counted(downloads, "download")} in ${counted(lines, "line")}`;
}
