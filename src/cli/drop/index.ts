import { resolve } from "node:path";
import { Command, type CommandUnknownOpts } from "commander";
import type { Edge } from "../frame/edge.ts";
import { feedArgument, parseAge, parseLocalPath } from "../frame/parsers.ts";
import type { FeedResult } from "../results/schemas/feed.ts";
import type { DropLine, DropStatusResult } from "../results/schemas/import.ts";

const SCANNING = `
A scan looks at each new file twice, the settle time apart, and imports it when size, times and inode are the same; no
clock of a file server matters. With --settle 0s it does not wait. Links are ignored, and so are names that begin with a
dot or ~, or end with ~, .part, .partial, .tmp, .crdownload or .filepart. An imported file is stored, verified and
recorded, then deleted with its checksum files and the folders that are empty then. A file that is invalid or conflicts
with the feed stays; it is reported once, and read again when it changes (or with --again). Existing packages are
replaced only when the setting Feeds.AllowDropPathImportOverwrite is true. An asset directory imports every file,
checksum files too, under its path relative to the drop path.`;

export function dropCommand(edge: Edge): CommandUnknownOpts {
  const drop = new Command("drop").description("import packages and assets from directories, the drop paths of feeds");

  drop
    .command("set")
    .description("set the drop path of a feed or asset directory: files put there are imported and then deleted")
    .addArgument(feedArgument())
    .argument("<dir>", "an existing directory that is neither a store's nor another feed's drop path", parseLocalPath)
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
        await out.result(
          feedResult(changed),
          `feed ${changed.name} imports ${what}${as ?? ""} from ${changed.dropPath}`,
        );
      }),
    );

  drop
    .command("clear")
    .description("remove the drop path of a feed; the directory and its files stay")
    .addArgument(feedArgument())
    .action(async (name: string, _options, command) =>
      edge.act<FeedResult>(command, async (context, out) => {
        const { setFeed } = await import("../../operations/feeds/feeds.ts");
        const { feedResult } = await import("../results/feed.ts");
        const changed = await setFeed(context, name, { dropPath: null, dropDistribution: null, dropComponent: null });
        await out.result(feedResult(changed), `removed the drop path of feed ${changed.name}`);
      }),
    );

  drop
    .command("scan")
    .description("scan all drop paths once, or one feed's: for cron")
    .option("--feed <feed>", "only this feed's drop path")
    .option("--settle <time>", "how long a file must not change before it is read (5s)", parseAge)
    .option("--again", "read files again that earlier scans could not import")
    .option(
      "--reject-to <dir>",
      "move invalid and conflicting files there, each with a .reason.txt beside it",
      parseLocalPath,
    )
    .option("--dry-run", "only print what would be imported")
    .addHelpText(
      "after",
      `${SCANNING}

A scan that finds new files waits once for the settle time. Exit status 3 means that a file was newly invalid,
conflicting or failed, or that a drop path could not be scanned; files that earlier scans reported are not a failure. A
drop path that another scan is working on is skipped with a note; with --feed the exit status is then 75.

Examples:
  $ feedctl drop set internal /srv/drop/internal
  $ feedctl drop scan --quiet --reject-to /srv/rejected      # in cron: mails only failures
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
    .description("scan at an interval, and at once when files arrive, until interrupted")
    .option("--feed <feed>", "only this feed's drop path")
    .option("--interval <time>", "longest time between two scans (60s)", parseAge)
    .option("--settle <time>", "how long a file must not change before it is read (5s)", parseAge)
    .option(
      "--reject-to <dir>",
      "move invalid and conflicting files there, each with a .reason.txt beside it",
      parseLocalPath,
    )
    .addHelpText(
      "after",
      `${SCANNING}

Network shares do not report files that other machines write: the next scan finds those.`,
    )
    .action(async (options, command) =>
      edge.act<DropLine>(
        command,
        async (context, out) => {
          const { watchDropPaths } = await import("./watch.ts");
          const { feed, settle, rejectTo, interval = 60_000 } = options;
          return watchDropPaths(context, out, interval, {
            feed,
            settle,
            rejectTo: rejectTo === undefined ? undefined : resolve(edge.io.cwd, rejectTo),
          });
        },
        { isEndless: true },
      ),
    );

  drop
    .command("status")
    .description("show drop paths with their last scan and the files that could not be imported")
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
