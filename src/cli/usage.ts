import { Command, InvalidArgumentError, Option, type CommandUnknownOpts } from "commander";
import { counted } from "../lib/text/format-size.ts";
import type { CountedFile } from "../operations/usage/count-log.ts";
import { logFormats } from "../operations/usage/formats/names.ts";
import type { UsageSummary } from "../operations/usage/import-logs.ts";
import { FeedctlError } from "../errors.ts";
import { confirm, type Edge } from "./frame/edge.ts";
import type { Output } from "./frame/output.ts";
import { feedArgument } from "./frame/parsers.ts";
import type { ForgottenUseResult, UsageLine, UsageResult } from "./results/schemas/retention.ts";

export function usageCommand(edge: Edge): CommandUnknownOpts {
  const usage = new Command("usage").description("record downloads, for retention rules");
  addImport(usage, edge);
  addForget(usage, edge);
  addShow(usage, edge);
  return usage;
}

function addImport(usage: Command, edge: Edge): void {
  usage
    .command("import")
    .description("count the downloads in access logs of buckets and web servers; each line counts once")
    .addArgument(feedArgument())
    .argument("<file...>", "log files, also compressed with gzip, zstd or bzip2")
    .addOption(new Option("--format <format>", "format of the logs").choices([...logFormats, "auto"]).default("auto"))
    .option("--prefix <path>", "what precedes a file's key in a request (default: the path of the feed's store)")
    .addOption(
      new Option(
        "--max-unreadable <percent>",
        "count a log although this share of its lines is not understood (default: 1%)",
      ).argParser(parseShare),
    )
    .option("--again", "count logs that were counted before, and replace what they gave then")
    .addHelpText(
      "after",
      `
Formats: Amazon S3 server access logs (s3); Azure Storage logs, 1.0, 2.0 and JSON lines (azure); usage logs of Google Cloud
Storage (gcs); common and combined web server logs, also with virtual hosts (combined); W3C extended logs of IIS, ProGet and
CloudFront (w3c); JSON lines of nginx, Caddy, Traefik, CloudFront and Google's load balancers (json).

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
        let isPartial = false;
        for await (const event of importUsage(context, {
          feed,
          files: files.map((file) => resolve(edge.io.cwd, file)),
          format: options.format,
          prefix: options.prefix,
          maxUnreadable: options.maxUnreadable,
          again: options.again,
        })) {
          if (event.type === "summary") {
            out.progress.stop();
            isPartial = event.failed + event.rejected > 0;
            await out.event(usageLine(event), sumWords(event));
            warnOf(out, event);
          } else {
            const isShown = !out.options.quiet || event.status === "failed" || event.status === "rejected";
            await out.event(usageLine(event), isShown ? describe(event) : undefined);
            if (isShown) await out.lines(event.samples.map(({ line, text }) => `          line ${line}: ${text}`));
          }
        }
        return isPartial ? 3 : 0;
      }),
    );
}

function parseShare(text: string): number {
  const share = /^([0-9]+(?:\.[0-9]+)?)%$/.exec(text)?.[1];
  if (share === undefined || Number(share) > 100) throw new InvalidArgumentError("It must be a percentage such as 5%.");
  return Number(share) / 100;
}

function describe({ file, status, lines, downloads, unreadable, reason }: CountedFile): string {
  if (status === "failed") return `FAILED    ${file}: ${reason}`;
  if (status === "rejected") return `REJECTED  ${file}: ${unreadable} of ${counted(lines, "line")} not understood`;
  if (status === "known") return `known     ${file}`;
  const rest = unreadable > 0 ? `, ${unreadable} not understood` : "";
  return `counted   ${file}: ${counted(downloads, "download")} in ${counted(lines, "line")}${rest}`;
}

function sumWords(summary: UsageSummary): string {
  const { feed, files, downloads, restored, known, foreign, unreadable, rejected, failed } = summary;
  return [
    `${counted(downloads, "download")} of feed ${feed} in ${counted(files, "log")}`,
    restored > 0 ? `${counted(restored, "hidden version")} shown again` : "",
    known > 0 ? `${known} counted before` : "",
    foreign > 0 ? `${foreign} of other files` : "",
    unreadable > 0 ? `${counted(unreadable, "line")} not understood` : "",
    rejected > 0 ? `${rejected} rejected` : "",
    failed > 0 ? `${failed} failed` : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}

function warnOf(out: Output<never>, { feed, downloads, foreign, rejected }: UsageSummary): void {
  if (downloads === 0 && foreign > 0)
    out.warn(`no request matches a file of feed ${feed}; check the prefix: --prefix /path/in/requests/`);
  if (rejected > 0)
    out.warn("rejected logs are not counted; check --format, or count what is understood with --max-unreadable 100%");
}

function addForget(usage: Command, edge: Edge): void {
  usage
    .command("forget")
    .description("take back the downloads that a log has given, as if it had not been imported")
    .addArgument(feedArgument())
    .argument("[file...]", "log files; one that is gone by the path under which it was imported")
    .option("--all", "take back what all logs have given to the feed")
    .option("--yes", "do not ask before --all")
    .action(async (feed: string, files: string[], options, command) =>
      edge.act<ForgottenUseResult>(command, async (context, out) => {
        const { forgetAllUsage, forgetUsage } = await import("../operations/usage/forget-logs.ts");
        const { forgottenUseResult } = await import("./results/retention.ts");
        const { resolve } = await import("node:path");
        const all = options.all === true;
        if (all === files.length > 0)
          throw new FeedctlError("usage", all ? "--all takes no files" : "name the logs to forget, or give --all");
        if (all) await confirm(edge.io, `forget all that logs say about feed ${feed}`, options.yes);
        const gone = all
          ? await forgetAllUsage(context, feed)
          : await forgetUsage(context, { feed, files: files.map((file) => resolve(edge.io.cwd, file)) });
        await out.result(forgottenUseResult(gone), [
          `forgot ${counted(gone.downloads, "download")} of feed ${gone.feed} in ${counted(gone.logs, "log")}`,
        ]);
      }),
    );
}

function addShow(usage: Command, edge: Edge): void {
  usage
    .command("show")
    .description("print which time the counted logs of a feed cover, and which logs were rejected")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command) =>
      edge.act<UsageResult>(command, async (context, out) => {
        const { showUsage } = await import("../operations/usage/coverage.ts");
        const { usageResult } = await import("./results/retention.ts");
        const shown = await showUsage(context, feed);
        const time = (date: Date | null) => date?.toISOString().slice(0, 16).replace("T", " ") ?? "unknown";
        const isEmpty = shown.files === 0;
        await out.result(usageResult(shown), [
          `logs:      ${isEmpty ? "none" : `${shown.files}, with ${counted(shown.lines, "line")}`}`,
          ...(isEmpty ? [] : [`from:      ${time(shown.from)}`, `until:     ${time(shown.until)}`]),
          ...(shown.unreadable > 0 ? [`lines:     ${shown.unreadable} not understood`] : []),
          ...shown.rejected.map(
            ({ name, lines, unreadable }) =>
              `rejected:  ${name}: ${unreadable} of ${counted(lines, "line")} not understood`,
          ),
        ]);
      }),
    );
}
