import { Command, type CommandUnknownOpts } from "commander";
import { counted, formatSize } from "../../lib/format-size.ts";
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
    .description("let an unfinished migration rest; what was copied stays, and it goes on with: migrate resume")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command) =>
      edge.act<MigrationPausedResult>(command, async (context, out) => {
        const { pauseMigration } = await import("../../operations/migrate/control.ts");
        const { migrationPausedResult } = await import("../results/migrate.ts");
        const paused = await pauseMigration(context, feed);
        const asked = `asked the process that migrates feed ${paused.feed} to pause; it stops within seconds`;
        await out.result(
          migrationPausedResult(paused),
          paused.outcome === "asked" ? asked : `the migration of feed ${paused.feed} rests`,
        );
      }),
    );

  migrate
    .command("retire")
    .description("delete the old files of a migrated feed, after reading and verifying every blob of the new store")
    .addArgument(feedArgument())
    .option("--yes", "do not ask")
    .action(async (feed: string, options, command) =>
      edge.act<RetireLine>(command, async (context, out) => {
        const { planRetirement, retireStore } = await import("../../operations/migrate/retire.ts");
        const { retireLine } = await import("../results/migrate.ts");
        const plan = await planRetirement(context, feed);
        if (!plan.retired)
          await confirm(
            edge.io,
            `delete the files of feed ${plan.feed} in ${plan.from}, now that it lives in ${plan.to}`,
            options.yes,
          );
        await out.progress.start("verifying");
        for await (const event of retireStore(context, feed)) {
          const line = retireLine(event);
          if (line === undefined) continue;
          if (event.type === "finding")
            await out.event(line, `${event.finding.padEnd(12)}  ${event.key}: ${event.reason}`);
          else if (event.type === "kept")
            await out.event(line, `kept          ${event.key}: the new store does not hold it`);
          else if (event.type === "summary" && "deleted" in event) {
            out.progress.stop();
            const deleted = `deleted ${counted(event.deleted, "old file")} (${formatSize(event.bytes)}) in ${event.from}${event.kept > 0 ? `; kept ${event.kept}` : ""}`;
            await out.event(line, event.retired ? `the old files in ${event.from} were deleted before` : deleted);
          }
        }
      }),
    );

  migrate
    .command("cancel")
    .description("give up an unfinished migration and remove what it has copied; the feed stays where it is")
    .addArgument(feedArgument())
    .option("--keep-copies", "leave what was copied, such as in a target that cannot be reached any more")
    .action(async (feed: string, options, command) =>
      edge.act<MigrationCancelledResult>(command, async (context, out) => {
        const { cancelMigration } = await import("../../operations/migrate/cancel.ts");
        const { migrationCancelledResult } = await import("../results/migrate.ts");
        const gone = await cancelMigration(context, feed, { keepCopies: options.keepCopies });
        const copies = options.keepCopies
          ? `what was copied stays in ${gone.target}`
          : `${counted(gone.removed, "copied blob")} removed from ${gone.target}${gone.left > 0 ? `, ${counted(gone.left, "blob")} of others left there` : ""}`;
        await out.result(migrationCancelledResult(gone), `feed ${gone.feed} stays where it is; ${copies}`);
      }),
    );

  return migrate;
}
