import { Command, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../lib/text/format-size.ts";
import { confirm, type Edge } from "./frame/edge.ts";
import { feedArgument, feedTypeOption } from "./frame/parsers.ts";
import type { Column } from "./frame/output.ts";
import type {
  ClearedCacheResult,
  FeedDeletedResult,
  FeedDetailsResult,
  FeedListResult,
  FeedResult,
} from "./results/schemas/feed.ts";

export function feedCommand(edge: Edge): CommandUnknownOpts {
  const feed = new Command("feed").description("create, list and change feeds and asset directories");

  feed
    .command("create")
    .description("create a feed; its files go to its default directory until another store is set")
    .argument("<name>", "name: letters, digits and - . _ ~")
    .addOption(feedTypeOption())
    .option("--description <text>", "what the feed is for")
    .action(async (name: string, options, command) =>
      edge.act<FeedResult>(command, async (context, out) => {
        const { createFeed } = await import("../operations/feeds/feeds.ts");
        const { feedResult } = await import("./results/feed.ts");
        const made = await createFeed(context, { name, type: options.type, description: options.description });
        await out.result(
          feedResult(made),
          `created ${made.type === "asset" ? "asset directory" : "feed"} ${made.name} (${made.type})`,
        );
      }),
    );

  feed
    .command("list")
    .description("list all feeds and asset directories")
    .option("--all", "include disabled ones")
    .action(async (options, command) =>
      edge.act<FeedListResult>(command, async (context, out) => {
        const { listFeeds } = await import("../operations/feeds/feeds.ts");
        const { feedListResult } = await import("./results/feed.ts");
        const feeds = (await listFeeds(context)).filter((each) => options.all || each.active || out.options.json);
        const columns: Column<(typeof feeds)[number]>[] = [
          { title: "name", value: (each) => each.name },
          { title: "type", value: (each) => each.type },
          { title: "store", value: (each) => each.store },
          { title: "state", value: (each) => (each.active ? "active" : "disabled") },
          { title: "description", value: (each) => each.description ?? "" },
        ];
        await out.table(feeds, columns, feedListResult);
      }),
    );

  feed
    .command("show")
    .description("show a feed, its store, and why it uses that directory")
    .addArgument(feedArgument())
    .action(async (name: string, _options, command) =>
      edge.act<FeedDetailsResult>(command, async (context, out) => {
        const { showFeed } = await import("../operations/feeds/feeds.ts");
        const { feedDetailsResult } = await import("./results/feed.ts");
        const shown = await showFeed(context, name);
        const size = `${counted(shown.packages, "package")}, ${counted(shown.versions, "version")}, ${counted(shown.files, "file")}, ${formatSize(shown.bytes)}`;
        await out.result(feedDetailsResult(shown), [
          `name:         ${shown.name}`,
          `id:           ${shown.id}`,
          `type:         ${shown.type}`,
          `description:  ${shown.description ?? "(none)"}`,
          `state:        ${shown.active ? "active" : "disabled"}`,
          ...(shown.retentionRulesEnabled ? [] : ["retention:    off"]),
          `drop path:    ${shown.dropPath ?? "(none)"}`,
          `holds:        ${size}`,
          `store:        ${shown.store.type}`,
          `location:     ${shown.store.location}`,
          ...(shown.store.because === null ? [] : [`because:      ${shown.store.because}`]),
          ...(shown.migration === null
            ? []
            : [
                `migration:    ${shown.migration.id} to ${shown.migration.to}: ${shown.migration.frozen ? "FROZEN for the cut-over" : shown.migration.state}`,
              ]),
          ...shown.earlierStores.map(
            (store) =>
              `earlier:      ${store.location}${store.retiredAt === null ? " (files were left there)" : " (retired)"}`,
          ),
        ]);
      }),
    );

  feed
    .command("set")
    .description("change a feed's description, drop path or state")
    .addArgument(feedArgument())
    .option("--description <text>", "what the feed is for; empty clears it")
    .option("--drop-path <dir>", "directory that is scanned for packages; empty clears it")
    .option("--active", "accept packages")
    .option("--no-active", "accept no packages; nothing is deleted")
    .option("--retention", "apply its retention rules in runs (the default)")
    .option("--no-retention", "keep its retention rules, but do not apply them")
    .action(async (name: string, options, command) =>
      edge.act<FeedResult>(command, async (context, out) => {
        const { setFeed } = await import("../operations/feeds/feeds.ts");
        const { feedResult } = await import("./results/feed.ts");
        const { resolve } = await import("node:path");
        const dropPath =
          options.dropPath === undefined
            ? undefined
            : options.dropPath === ""
              ? null
              : resolve(edge.io.cwd, options.dropPath);
        const changed = await setFeed(context, name, {
          description: options.description === "" ? null : options.description,
          dropPath,
          active: options.active,
          retentionRulesEnabled: options.retention,
        });
        await out.result(feedResult(changed), `changed feed ${changed.name}`);
      }),
    );

  feed
    .command("rename")
    .description("give a feed another name; its id, directory and packages stay")
    .addArgument(feedArgument())
    .argument("<name>", "the new name")
    .action(async (name: string, to: string, _options, command) =>
      edge.act<FeedResult>(command, async (context, out) => {
        const { renameFeed } = await import("../operations/feeds/feeds.ts");
        const { feedResult } = await import("./results/feed.ts");
        const renamed = await renameFeed(context, name, to);
        await out.result(feedResult(renamed), `renamed feed ${name} to ${renamed.name}`);
      }),
    );

  for (const [verb, active] of [
    ["enable", true],
    ["disable", false],
  ] as const) {
    feed
      .command(verb)
      .description(active ? "make a feed accept packages again" : "make a feed accept no packages; nothing is deleted")
      .addArgument(feedArgument())
      .action(async (name: string, _options, command) =>
        edge.act<FeedResult>(command, async (context, out) => {
          const { setFeed } = await import("../operations/feeds/feeds.ts");
          const { feedResult } = await import("./results/feed.ts");
          const changed = await setFeed(context, name, { active });
          await out.result(feedResult(changed), `${verb}d feed ${changed.name}`);
        }),
      );
  }

  feed
    .command("clear-cached")
    .description("delete every version that came from an upstream connector, with its files")
    .addArgument(feedArgument())
    .option("--yes", "do not ask")
    .action(async (name: string, options, command) =>
      edge.act<ClearedCacheResult>(command, async (context, out) => {
        const { clearCached } = await import("../operations/packages/clear-cached.ts");
        const { clearedCacheResult } = await import("./results/feed.ts");
        await confirm(edge.io, `delete all cached versions of feed ${name}`, options.yes);
        const cleared = await clearCached(context, name);
        const text = `deleted ${counted(cleared.versions, "cached version")} (${counted(cleared.files, "file")}) of feed ${cleared.feed}`;
        await out.result(clearedCacheResult(cleared), text);
      }),
    );

  feed
    .command("delete")
    .description("delete a feed and its catalog rows; its files stay unless --purge-files")
    .addArgument(feedArgument())
    .option("--purge-files", "delete its package files too")
    .option("--yes", "do not ask")
    .action(async (name: string, options, command) =>
      edge.act<FeedDeletedResult>(command, async (context, out) => {
        const { deleteFeed, showFeed } = await import("../operations/feeds/feeds.ts");
        const shown = await showFeed(context, name);
        const files = `${counted(shown.files, "file")} (${formatSize(shown.bytes)})`;
        const fate = options.purgeFiles
          ? `and its ${files} at ${shown.store.location}`
          : `; its ${files} stay at ${shown.store.location}`;
        await confirm(edge.io, `delete feed ${shown.name} ${fate}`.replace(" ;", ";"), options.yes);
        if (options.purgeFiles) {
          const { purgeFeed } = await import("../operations/feeds/purge-feed.ts");
          const { purgedResult } = await import("./results/feed.ts");
          const gone = await purgeFeed(context, name);
          for (const place of gone.earlier) out.warn(`files of an earlier store of feed ${gone.feed} stay at ${place}`);
          await out.result(
            purgedResult(gone),
            `deleted feed ${gone.feed} and ${counted(gone.deleted, "file")}${gone.left > 0 ? `; ${counted(gone.left, "file")} without a row stay at ${gone.location}` : ""}`,
          );
        } else {
          const { feed: gone, totals, filesAt, earlier } = await deleteFeed(context, name);
          for (const place of earlier) out.warn(`files of an earlier store of feed ${gone.name} may be at ${place}`);
          await out.result(
            { feed: gone.name, purged: false, files: totals.files, bytes: totals.bytes, filesAt, earlier },
            `deleted feed ${gone.name}; ${counted(totals.files, "file")} stay${totals.files === 1 ? "s" : ""} at ${filesAt}`,
          );
        }
      }),
    );

  return feed;
}
