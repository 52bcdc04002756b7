import { FeedctlError } from "../../errors.ts";
import { counted } from "../../lib/text/format-size.ts";
import type { Context } from "../../operations/context.ts";
import type { FeedGoal, ManyEvent } from "../../operations/migrate/many.ts";
import type { MigrateInput } from "../../operations/migrate/migrate-feed.ts";
import type { StoreType } from "../../stores/providers.ts";
import type { Edge } from "../frame/edge.ts";
import { printEvent } from "./report.ts";
import type { Output } from "../frame/output.ts";
import { preserveOf, type PreserveOptions } from "../frame/preserve-options.ts";
import { storeOptions } from "../frame/store-options.ts";
import type { MigrateManyLine } from "../results/schemas/migrate.ts";

/** Options of run and start, without the store options, which `storeOptions` reads. */
type ManyOptions = Pick<MigrateInput, "dryRun" | "cutover" | "cached" | "alone"> &
  PreserveOptions & {
    feeds?: string;
    all?: boolean;
    fromFile?: string;
    to?: StoreType;
  };

export async function startMany(
  edge: Edge,
  context: Context,
  out: Output<never>,
  options: ManyOptions,
): Promise<AsyncGenerator<ManyEvent>> {
  const { migrateMany } = await import("../../operations/migrate/many.ts");
  const { cutover, cached, dryRun, alone } = options;
  const how = { cutover, cached, preserve: preserveOf(options), dryRun, alone };
  return migrateMany(context, await goals(edge, context, out, options), how);
}

async function goals(edge: Edge, context: Context, out: Output<never>, options: ManyOptions): Promise<FeedGoal[]> {
  const { goalsFor, readPlan } = await import("../../operations/migrate/many.ts");
  if (options.fromFile !== undefined) {
    const given = await storeOptions(edge, out, options);
    if (options.feeds !== undefined || options.all || options.to !== undefined || Object.keys(given).length > 0)
      throw new FeedctlError("usage", "--from-file cannot be used with --feeds, --all, --to or store options");
    return readPlan(await readFile(edge, context, options.fromFile), options.fromFile);
  }
  const to = requireTarget(options.to);
  const given = await storeOptions(edge, out, options);
  if (options.all) {
    if (options.feeds !== undefined) throw new FeedctlError("usage", "--feeds and --all exclude each other");
    return goalsFor(context, "all", to, given);
  }
  const names = (options.feeds ?? "").split(",").map((name) => name.trim());
  if (names.includes("")) throw new FeedctlError("usage", "--feeds needs names of feeds, separated by commas");
  return goalsFor(context, names, to, given);
}

/** Throws `usage` when `--to` is missing. */
export function requireTarget(type: StoreType | undefined): StoreType {
  if (type === undefined) throw new FeedctlError("usage", "--to is missing: the store type to move to");
  return type;
}

async function readFile(edge: Edge, context: Context, file: string): Promise<string> {
  const { resolve } = await import("node:path");
  try {
    return await context.readFile(resolve(edge.io.cwd, file));
  } catch (error) {
    throw new FeedctlError("not-found", `could not read ${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Prints the events and returns the exit status: 0 only when every feed was switched, or is ready with `manual`. */
export async function reportMany(
  out: Output<MigrateManyLine>,
  events: AsyncIterable<ManyEvent>,
  cutover: "auto" | "manual",
): Promise<number> {
  const { migrateLine, migrateManyLine } = await import("../results/migrate.ts");
  for await (const event of events) {
    if (event.type === "feed-failed") {
      out.progress.stop();
      await out.event(migrateManyLine(event), `feed ${event.feed} was not migrated: ${event.reason}`);
    } else if (event.type === "total") {
      const { feeds, switched, ready, already, planned, incomplete, paused, failed } = event;
      const done = switched + already + planned + (cutover === "manual" ? ready : 0);
      const text = [
        `${counted(feeds, "feed")}: ${switched} switched`,
        ready > 0 ? `${ready} ready` : "",
        planned > 0 ? `${planned} planned` : "",
        already > 0 ? `${already} already there` : "",
        `${incomplete + failed + paused} not done`,
      ];
      await out.event(migrateManyLine(event), text.filter((part) => part !== "").join(", "));
      return done === feeds ? 0 : 3;
    } else await printEvent(out, event, migrateLine(event));
  }
  return 3;
}
