import { Command, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../../lib/text/format-size.ts";
import { confirm, type Edge } from "../frame/edge.ts";
import { addRunningVerbs } from "./run.ts";
import { addShowingVerbs } from "./show.ts";
import { feedArgument } from "../frame/parsers.ts";
import type { MigrationCancelledResult, MigrationPausedResult, RetireLine } from "../results/schemas/migrate.ts";

export function migrateCommand(edge: Edge): CommandUnknownOpts {
  const migrate = new Command("migrate").description("move a feed to another store while its rows stay as they are");

  addRunningVerbs(migrate, edge);
  addShowingVerbs(migrate, edge);

  migrate
    .command("pause")
    .description("pause an unfinished migration; its copies are kept, and it continues with: migrate resume")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command) =>
      edge.act<MigrationPausedResult>(command, async (context, out) => {
        const { pauseMigration } = await import("../../operations/migrate/control.ts");
        const { migrationPausedResult } = await import("../results/migrate.ts");
        const paused = await pauseMigration(context, feed);
        const asked = `asked the process that migrates feed ${paused.feed} to pause; it stops within seconds`;
        await out.result(
          migrationPausedResult(paused),
          paused.outcome === "asked" ? asked : `the migration of feed ${paused.feed} is paused`,
        );
      }),
    );

  migrate
    .command("retire")
    .description("delete the old files of a migrated feed, after reading and verifying every blob of the new store")
    .addArgument(feedArgument())
    .option("--store <place>", "only those in this old store, as migrate status shows it")
    .option("--yes", "do not ask")
    .action(async (feed: string, options, command) =>
      edge.act<RetireLine>(command, async (context, out) => {
        const { planRetirement, retireStores } = await import("../../operations/migrate/retire.ts");
        const { retireLine } = await import("../results/migrate.ts");
        const plans = await planRetirement(context, feed, options.store);
        const [plan] = plans;
        if (plan?.retired === false) {
          const from = plans.map((each) => each.from).join(" and ");
          const question = `delete the files of feed ${plan.feed} in ${from}, now that it lives in ${plan.to}`;
          await confirm(edge.io, question, options.yes);
        }
        await out.progress.start("verifying");
        let status = 0;
        for await (const event of retireStores(context, feed, options.store)) {
          const line = retireLine(event);
          if (line === undefined) continue;
          if (event.type === "finding")
            await out.event(line, `${event.finding.padEnd(12)}  ${event.key}: ${event.reason}`);
          else if (event.type === "kept")
            await out.event(line, `kept          ${event.key}: the new store does not hold it`);
          else if (event.type === "failed") await out.event(line, `failed        ${event.key}: ${event.reason}`);
          else if (event.type === "summary" && "deleted" in event) {
            out.progress.stop();
            const deleted = `deleted ${counted(event.deleted, "old file")} (${formatSize(event.bytes)}) in ${event.from}${event.kept > 0 ? `; kept ${event.kept}` : ""}${event.failed > 0 ? `; ${event.failed} failed` : ""}`;
            await out.event(line, event.retired ? `the old files in ${event.from} were deleted before` : deleted);
            if (event.failed > 0) status = 3;
          }
        }
        return status;
      }),
    );

  migrate
    .command("cancel")
    .description("give up an unfinished migration and delete its copies; the feed stays in its store")
    .addArgument(feedArgument())
    .option("--keep-copies", "do not delete the copies, such as in a target that cannot be reached any more")
    .action(async (feed: string, options, command) =>
      edge.act<MigrationCancelledResult>(command, async (context, out) => {
        const { cancelMigration } = await import("../../operations/migrate/cancel.ts");
        const { migrationCancelledResult } = await import("../results/migrate.ts");
        const cancelled = await cancelMigration(context, feed, { keepCopies: options.keepCopies });
        const copies = options.keepCopies
          ? `the copies in ${cancelled.target} are kept`
          : `${counted(cancelled.removed, "copied blob")} removed from ${cancelled.target}${cancelled.left > 0 ? `, ${counted(cancelled.left, "other blob")} kept there` : ""}`;
        await out.result(migrationCancelledResult(cancelled), `feed ${cancelled.feed} stays in its store; ${copies}`);
      }),
    );

  return migrate;
}
