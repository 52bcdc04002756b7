import { Option, type Command } from "commander";
import type { MigrateEvent, MigrateSummary } from "../operations/migration-events.ts";
import { counted, formatSize } from "../lib/size.ts";
import { storeTypeNames } from "../stores/store-types.ts";
import type { Edge } from "./edge.ts";
import type { Output } from "./output.ts";
import { addStoreOptions, feedArgument, parseAge } from "./parsers.ts";
import { storeOptions } from "./store-options.ts";

/** The verbs that copy: each runs the same engine, and ends with 0 only when it has done what it is for. */
export function addRunningVerbs(migrate: Command, edge: Edge): void {
  for (const [verb, description, cutover] of [
    [
      "run",
      "copy every blob, prove each by its hash, and switch the feed; the old files stay until: migrate retire",
      "auto",
    ],
    ["start", "copy while the feed stays in use, until little changes any more; then: migrate cutover", "manual"],
  ] as const) {
    addStoreOptions(
      addPace(
        migrate
          .command(verb)
          .description(description)
          .addArgument(feedArgument())
          .addOption(new Option("--to <type>", "store type to move to").choices(storeTypeNames).makeOptionMandatory())
          .addOption(
            new Option("--cutover <when>", "switch by itself, or wait for: migrate cutover")
              .choices(["auto", "manual"])
              .default(cutover),
          )
          .addOption(
            new Option("--cached <how>", "what becomes of packages cached from upstream").choices([
              "copy",
              "skip",
              "clear",
            ]),
          )
          .option("--dry-run", "only tell what would be copied, and what that would cost"),
      ),
    ).action(async (feed: string, options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { migrateFeed } = await import("../operations/run-migration.ts");
        const goal = { to: options.to, options: await storeOptions(edge, out, options) };
        const { cutover: when, cached, dryRun, follow, alone } = options;
        return report(out, migrateFeed(context, { feed, goal, cutover: when, cached, dryRun, follow, alone }), when);
      }),
    );
  }

  addPace(
    migrate
      .command("resume")
      .description("go on with an unfinished migration, on any machine")
      .addArgument(feedArgument())
      .addOption(
        new Option(
          "--cutover <when>",
          "switch by itself, or wait for: migrate cutover (default: as it was started)",
        ).choices(["auto", "manual"]),
      ),
  ).action(async (feed: string, options, command: Command) =>
    edge.act(command, async (context, out) => {
      const { migrateFeed } = await import("../operations/run-migration.ts");
      const { cutover, follow, alone } = options;
      return report(out, migrateFeed(context, { feed, goal: "resume", cutover, follow, alone }), cutover ?? "manual");
    }),
  );

  migrate
    .command("cutover")
    .description("freeze the feed for a moment, copy what changed last, and switch it to its new store")
    .addArgument(feedArgument())
    .action(async (feed: string, _options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { cutOverMigration } = await import("../operations/control-migration.ts");
        return report(out, cutOverMigration(context, feed), "auto");
      }),
    );

  migrate
    .command("rollback")
    .description("move a migrated feed back to its old store, with what was added since")
    .addArgument(feedArgument())
    .option("--dry-run", "only tell what would be copied back")
    .action(async (feed: string, options, command: Command) =>
      edge.act(command, async (context, out) => {
        const { migrateFeed } = await import("../operations/run-migration.ts");
        const back = { feed, goal: "rollback", cutover: "auto", dryRun: options.dryRun } as const;
        return report(out, migrateFeed(context, back), "auto");
      }),
    );
}

function addPace(command: Command): Command {
  return command
    .option("--follow <interval>", "stay, and copy what has changed that often, until the cut-over", parseAge)
    .option("--alone", "do not share the first pass with: feedctl worker");
}

/** Prints what happens; the exit status says whether it ended as it was meant to. */
export async function report(
  out: Output,
  events: AsyncIterable<MigrateEvent>,
  cutover: "auto" | "manual",
): Promise<number> {
  let outcome: MigrateSummary["outcome"] = "incomplete";
  for await (const event of events) {
    if (event.type === "pass") {
      const name = event.frozen ? "last pass, feed frozen" : `pass ${event.number}`;
      await out.progress.start(name, event.frozen ? undefined : event.blobs);
      if (out.options.json || out.options.verbose)
        await out.event(event, event.frozen ? "last pass, nobody may write to the feed" : name);
    } else if (event.type === "ranges") {
      if (out.options.json || out.options.verbose)
        await out.event(
          event,
          `${event.finished} of ${event.ranges} ranges done, ${counted(event.copied, "blob")} copied`,
        );
      else out.note(`${event.finished} of ${event.ranges} ranges done, ${counted(event.copied, "blob")} copied`);
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
      outcome = event.outcome;
      await tellSummary(out, event);
    }
  }
  if (outcome === "paused") return 75;
  const asMeant = outcome === "ready" ? cutover === "manual" : outcome !== "incomplete";
  return asMeant ? 0 : 3;
}

async function tellSummary(out: Output, event: MigrateSummary): Promise<void> {
  const copied = `${counted(event.copied, "blob")} (${formatSize(event.bytes)}) copied, ${event.verified + event.same} there already, ${event.failed} failed`;
  const cost =
    event.estimate === undefined
      ? ""
      : `; about ${counted(event.estimate.requests, "request")} and ${duration(event.estimate.seconds)} at 50 MiB/s`;
  const text = {
    switched: `feed ${event.feed} now lives in ${event.to}: ${copied}; it was frozen for ${(event.frozenMilliseconds / 1000).toFixed(1)} s`,
    already: `feed ${event.feed} lives in ${event.to} already`,
    planned: `would copy ${counted(event.copied, "blob")} (${formatSize(event.bytes)}) from ${event.from} to ${event.to}; ${event.same} there already${cost}`,
    ready: `feed ${event.feed} is copied to ${event.to} and still lives in ${event.from}: ${copied}`,
    incomplete: `feed ${event.feed} stays in ${event.from}: ${copied}`,
    paused: `the migration of feed ${event.feed} rests: ${copied}`,
  };
  await out.event(event, text[event.outcome]);
  const hints: Partial<Record<MigrateSummary["outcome"], string>> = {
    incomplete: `mend what failed (see: feedctl verify ${event.feed}) and run the same command again: it goes on where it was`,
    switched: `the old files stay in ${event.from}; when you are sure: feedctl migrate retire ${event.feed}`,
    ready: `to switch it: feedctl migrate cutover ${event.feed}`,
    paused: `to go on: feedctl migrate resume ${event.feed}`,
  };
  const hint = hints[event.outcome];
  if (hint !== undefined) out.note(hint);
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
