import { resolve } from "node:path";
import { Command, type CommandUnknownOpts } from "commander";
import type { Edge } from "../frame/edge.ts";
import { feedArgument, parseAge, parseLocalPath } from "../frame/parsers.ts";
import type { FeedResult } from "../results/schemas/feed.ts";
import type { DropLine, DropStatusResult } from "../results/schemas/import.ts";

const SCANNING = `
A file is taken when nobody has written to it for the settle time, or at once when it was renamed into the drop path
with an older time. Names that begin with a dot or ~, end with ~, .part, .partial, .tmp, .crdownload or .filepart, and
links are left alone. What is taken is stored, verified and recorded before it is deleted, with its checksum files and
the folders that are empty then. A file that is invalid or conflicts with the feed stays where it is; it is told of once
and looked at again when it changes (or with --again). Existing packages are replaced only when the setting
Feeds.AllowDropPathImportOverwrite is true. An asset directory takes any file, checksum files too, under its path below
the drop path.`;

export function dropCommand(edge: Edge): CommandUnknownOpts {
  const drop = new Command("drop").description("take packages and assets from directories, the drop paths of feeds");

  drop
    .command("set")
    .description("give a feed or asset directory a drop path: whatever is put there is imported and then deleted")
    .addArgument(feedArgument())
    .argument("<dir>", "an existing directory, no store's and no other feed's drop path", parseLocalPath)
    .option("--distribution <name>", "Debian: distribution of its packages (stable)")
    .option("--component <name>", "Debian: component of its packages (main)")
    .action(async (name: string, directory: string, options, command) =>
      edge.act<FeedResult>(command, async (context, out) => {
        const { setFeed } = await import("../../operations/feeds/feeds.ts");
        const { feedResult } = await import("../results/feed.ts");
        const { distribution, component } = options;
        const changed = await setFeed(context, name, {
          dropPath: resolve(edge.io.cwd, directory),
          dropDistribution: distribution ?? null,
          dropComponent: component ?? null,
        });
        const what = changed.type === "asset" ? "files" : "packages";
        const as = (distribution ?? component) && ` for ${distribution ?? "stable"}, ${component ?? "main"}`;
        await out.result(feedResult(changed), `feed ${changed.name} takes ${what}${as ?? ""} from ${changed.dropPath}`);
      }),
    );

  drop
    .command("clear")
    .description("take nothing any more; the directory and its files stay")
    .addArgument(feedArgument())
    .action(async (name: string, _options, command) =>
      edge.act<FeedResult>(command, async (context, out) => {
        const { setFeed } = await import("../../operations/feeds/feeds.ts");
        const { feedResult } = await import("../results/feed.ts");
        const changed = await setFeed(context, name, { dropPath: null, dropDistribution: null, dropComponent: null });
        await out.result(feedResult(changed), `feed ${changed.name} has no drop path any more`);
      }),
    );

  drop
    .command("scan")
    .description("one pass over all drop paths, or one feed's: for cron")
    .option("--feed <feed>", "only this feed's drop path")
    .option("--settle <time>", "how long nobody must have written to a file (5s)", parseAge)
    .option("--again", "look again at files that earlier scans could not take")
    .option(
      "--reject-to <dir>",
      "move invalid and conflicting files there, each with a .reason.txt beside it",
      parseLocalPath,
    )
    .option("--dry-run", "only tell what would be taken")
    .addHelpText(
      "after",
      `${SCANNING}

A single scan waits up to the settle time for young files. Exit status 3 means that something new was invalid,
conflicting or failed, or that a drop path could not be scanned; files of earlier scans alone are no failure. A feed
whose drop path another scan is at work on is passed over with a note, since that scan does the work; only with --feed
the exit status is 75 then.

Examples:
  $ feedctl drop set internal /srv/drop/internal
  $ feedctl drop scan --quiet --reject-to /srv/rejected      # a cron job: mails only what went wrong
  $ feedctl drop scan --feed internal --settle 30s --dry-run`,
    )
    .action(async (options, command) =>
      edge.act<DropLine>(command, async (context, out) => {
        const { scanDropPaths } = await import("../../operations/drop/scan.ts");
        const { createDropReport } = await import("./report.ts");
        await out.progress.start("scanning drop paths");
        const { feed, settle, again, rejectTo, dryRun } = options;
        const report = createDropReport(out, { dryRun, named: feed !== undefined });
        return report(
          scanDropPaths(context, {
            feed,
            settle,
            again,
            dryRun,
            rejectTo: rejectTo === undefined ? undefined : resolve(edge.io.cwd, rejectTo),
          }),
        );
      }),
    );

  drop
    .command("watch")
    .description("scan again and again, and at once when files arrive, until interrupted")
    .option("--feed <feed>", "only this feed's drop path")
    .option("--interval <time>", "pause between two scans when nothing tells of new files (60s)", parseAge)
    .option("--settle <time>", "how long nobody must have written to a file (5s)", parseAge)
    .option(
      "--reject-to <dir>",
      "move invalid and conflicting files there, each with a .reason.txt beside it",
      parseLocalPath,
    )
    .addHelpText(
      "after",
      `${SCANNING}

Network shares do not tell of files that other machines write: those are found by the next scan.`,
    )
    .action(async (options, command) =>
      edge.act<DropLine>(command, async (context, out) => {
        const { watchDropPaths } = await import("./watch.ts");
        const { feed, settle, rejectTo, interval = 60_000 } = options;
        return watchDropPaths(context, out, interval, {
          feed,
          settle,
          rejectTo: rejectTo === undefined ? undefined : resolve(edge.io.cwd, rejectTo),
        });
      }),
    );

  drop
    .command("status")
    .description("drop paths with their last scan and the files that could not be taken")
    .option("--feed <feed>", "only this feed's drop path")
    .action(async (options, command) =>
      edge.act<DropStatusResult[]>(command, async (context, out) => {
        const { dropStatus } = await import("../../operations/drop/status.ts");
        const { describeStatus } = await import("./report.ts");
        const { dropStatusResult } = await import("../results/import.ts");
        const found = await dropStatus(context, options.feed);
        await out.result(found.map(dropStatusResult), found.flatMap(describeStatus));
      }),
    );

  return drop;
}
