import { Command, Option } from "commander";
import { counted, formatSize } from "../lib/size.ts";
import { storeTypeNames } from "../stores/store-types.ts";
import { confirm, type Edge } from "./edge.ts";
import { addStoreOptions, feedArgument } from "./parsers.ts";
import { storeOptions } from "./store-options.ts";

export function migrateCommand(edge: Edge): Command {
  const migrate = new Command("migrate").description("move a feed to another store while its rows stay as they are");

  addStoreOptions(
    migrate
      .command("run")
      .description("copy every blob, prove each by its hash, switch the feed; the old files stay until: migrate retire")
      .addArgument(feedArgument())
      .addOption(new Option("--to <type>", "store type to move to").choices(storeTypeNames).makeOptionMandatory())
      .option("--dry-run", "only tell what would be copied"),
  ).action(async (feed: string, options, command: Command) =>
    edge.act(command, async (context, out) => {
      const { migrateFeed } = await import("../operations/migrate-feed.ts");
      const { showFeed } = await import("../operations/feeds.ts");
      const { files } = await showFeed(context, feed);
      let complete = false;
      for await (const event of migrateFeed(context, {
        feed,
        type: options.to,
        options: await storeOptions(edge, out, options),
        dryRun: options.dryRun,
      })) {
        if (event.type === "pass") {
          await out.progress.start(event.frozen ? "last pass, feed frozen" : `pass ${event.number}`, files);
          if (out.options.json || out.options.verbose)
            await out.event(event, event.frozen ? "last pass, nobody may write to the feed" : `pass ${event.number}`);
        } else if (event.type === "blob") {
          out.progress.step(event.size);
          const bad = event.outcome === "failed" || event.outcome === "foreign";
          if (bad || out.options.verbose)
            await out.event(
              event,
              `${event.outcome.padEnd(8)}  ${event.key}${event.reason === undefined ? "" : `: ${event.reason}`}`,
            );
        } else {
          out.progress.stop();
          complete = event.outcome !== "incomplete";
          const copied = `${counted(event.copied, "blob")} (${formatSize(event.bytes)}) copied, ${event.verified + event.same} there already, ${event.failed} failed`;
          const text = {
            switched: `feed ${event.feed} now lives in ${event.to}: ${copied}; it was frozen for ${(event.frozenMilliseconds / 1000).toFixed(1)} s`,
            already: `feed ${event.feed} lives in ${event.to} already`,
            planned: `would copy ${counted(event.copied, "blob")} (${formatSize(event.bytes)}) from ${event.from} to ${event.to}; ${event.same} there already`,
            incomplete: `feed ${event.feed} stays in ${event.from}: ${copied}`,
          };
          await out.event(event, text[event.outcome]);
          if (event.outcome === "incomplete")
            out.note(
              `mend what failed (see: feedctl verify ${event.feed}) and run the same command again: it goes on where it was`,
            );
          if (event.outcome === "switched")
            out.note(`the old files stay in ${event.from}; when you are sure: feedctl migrate retire ${event.feed}`);
        }
      }
      return complete ? 0 : 3;
    }),
  );

  migrate
    .command("retire")
    .description("delete the old files of a migrated feed, after reading and verifying every blob of the new store")
    .addArgument(feedArgument())
    .option("--yes", "do not ask")
    .action(async (feed: string, options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { planRetirement, retireStore } = await import("../operations/retire-store.ts");
        const plan = await planRetirement(context, feed);
        if (!plan.retired)
          await confirm(
            edge.io,
            `delete the files of feed ${plan.feed} in ${plan.from}, now that it lives in ${plan.to}`,
            options.yes,
          );
        await out.progress.start("verifying");
        for await (const event of retireStore(context, feed)) {
          if (event.type === "finding")
            await out.event(event, `${event.finding.padEnd(12)}  ${event.key}: ${event.reason}`);
          else if (event.type === "kept")
            await out.event(event, `kept          ${event.key}: the new store does not hold it`);
          else if (event.type === "summary" && "deleted" in event) {
            out.progress.stop();
            const deleted = `deleted ${counted(event.deleted, "old file")} (${formatSize(event.bytes)}) in ${event.from}${event.kept > 0 ? `; kept ${event.kept}` : ""}`;
            await out.event(event, event.retired ? `the old files in ${event.from} were deleted before` : deleted);
          }
        }
      }),
    );

  migrate
    .command("cancel")
    .description("give up an unfinished migration; the feed stays where it is")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { cancelMigration } = await import("../operations/migrate-feed.ts");
        const cancelled = await cancelMigration(context, feed);
        await out.result(
          cancelled,
          `feed ${cancelled.feed} stays where it is; what was copied lies in ${cancelled.target}`,
        );
      }),
    );

  return migrate;
}
