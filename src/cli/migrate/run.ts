import { Option, type Command } from "commander";
import { FeedctlError } from "../../errors.ts";
import { storeTypeNames } from "../../stores/providers.ts";
import type { Edge } from "../frame/edge.ts";
import { reportMany, requireTarget, startMany } from "./many.ts";
import { report } from "./report.ts";
import { addStoreOptions, feedArgument, parseAge } from "../frame/parsers.ts";
import { preserveOf, preserveStorageClassOption, preserveTagsOption } from "../frame/preserve-options.ts";
import { storeOptions } from "../frame/store-options.ts";
import type { MigrateLine, MigrateManyLine } from "../results/schemas/migrate.ts";

/** The verbs that copy. All run `migrateFeed`, and exit with 0 only when its outcome is the verb's purpose. */
export function addRunningVerbs(migrate: Command, edge: Edge): void {
  for (const [verb, description, cutover] of [
    [
      "run",
      "copy every blob, prove each by its hash, and switch the feed; the old files are kept until: migrate retire",
      "auto",
    ],
    ["start", "copy while the feed stays in use, until few changes are left; then: migrate cutover", "manual"],
  ] as const) {
    addStoreOptions(
      migrate
        .command(verb)
        .description(description)
        .argument("[feed]", "name of the feed")
        .addOption(new Option("--to <type>", "store type to move to").choices(storeTypeNames))
        .option(
          "--feeds <names>",
          "names of several feeds, separated by commas; {feed} in a path is replaced by the name",
        )
        .option("--all", "every feed")
        .option(
          "--from-file <file>",
          "a plan in YAML or JSON, such as migrations: [{ feed: web, to: disk, path: /srv/web }]",
        )
        .addOption(
          new Option("--cutover <when>", "switch when all is copied, or wait for: migrate cutover")
            .choices(["auto", "manual"])
            .default(cutover),
        )
        .addOption(
          new Option("--cached <how>", "what to do with packages cached from upstream").choices([
            "copy",
            "skip",
            "clear",
          ]),
        )
        .addOption(preserveTagsOption())
        .addOption(preserveStorageClassOption())
        .option("--dry-run", "only print what would be copied, and the cost")
        .addOption(followOption())
        .addOption(aloneOption()),
    ).action(async (feed: string | undefined, options, command) =>
      edge.act<MigrateManyLine>(command, async (context, out) => {
        const { cutover: when, cached, dryRun, follow, alone } = options;
        const preserve = preserveOf(options);
        const many = options.feeds !== undefined || options.all || options.fromFile !== undefined;
        if (many === (feed !== undefined))
          throw new FeedctlError("usage", "name one feed, or give --feeds, --all or --from-file");
        if (many && follow !== undefined)
          throw new FeedctlError("usage", "--follow needs a single feed: it does not end before the cut-over");
        if (many) return reportMany(out, await startMany(edge, context, out, options), when);
        const { migrateFeed } = await import("../../operations/migrate/migrate-feed.ts");
        const goal = { to: requireTarget(options.to), options: await storeOptions(edge, out, options) };
        const input = { feed: feed as string, goal, cutover: when, cached, preserve, dryRun, follow, alone };
        return report(out, migrateFeed(context, input), when);
      }),
    );
  }

  migrate
    .command("resume")
    .description("continue an unfinished migration, on any machine")
    .addArgument(feedArgument())
    .addOption(
      new Option(
        "--cutover <when>",
        "switch when all is copied, or wait for: migrate cutover (default: as it was started)",
      ).choices(["auto", "manual"]),
    )
    .addOption(followOption())
    .addOption(aloneOption())
    .action(async (feed: string, options, command) =>
      edge.act<MigrateLine>(command, async (context, out) => {
        const { migrateFeed } = await import("../../operations/migrate/migrate-feed.ts");
        const { cutover, follow, alone } = options;
        return report(out, migrateFeed(context, { feed, goal: "resume", cutover, follow, alone }), cutover ?? "manual");
      }),
    );

  migrate
    .command("cutover")
    .description("freeze the feed for a moment, copy the last changes, and switch it to its new store")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command) =>
      edge.act<MigrateLine>(command, async (context, out) => {
        const { cutOverMigration } = await import("../../operations/migrate/control.ts");
        return report(out, cutOverMigration(context, feed), "auto");
      }),
    );

  migrate
    .command("rollback")
    .description("move a migrated feed back to its old store, with what was added since")
    .addArgument(feedArgument())
    .option("--dry-run", "only print what would be copied back")
    .action(async (feed: string, options, command) =>
      edge.act<MigrateLine>(command, async (context, out) => {
        const { migrateFeed } = await import("../../operations/migrate/migrate-feed.ts");
        const back = { feed, goal: "rollback", cutover: "auto", dryRun: options.dryRun } as const;
        return report(out, migrateFeed(context, back), "auto");
      }),
    );
}

function followOption() {
  return new Option(
    "--follow <interval>",
    "keep running, and copy changes at this interval until the cut-over",
  ).argParser(parseAge);
}

function aloneOption() {
  return new Option("--alone", "do not share the first pass with: feedctl worker");
}
