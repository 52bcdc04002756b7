import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command, type CommandUnknownOpts } from "commander";
import { feedTypeInfo, type FeedType } from "../../formats/feed-types.ts";
import type { Edge } from "../frame/edge.ts";

/** As many as a person may want to look through, and a shell likes to show. */
const MOST_PACKAGES = 200;
/** Milliseconds until a database server that does not answer is given up: somebody waits with a finger on TAB. */
const PATIENCE = 3000;

/**
 * What the completion scripts call: `feeds`, or `packages FEED [PREFIX]`. One name a line, a tab before its description.
 * Whatever goes wrong, it prints nothing and ends with 0, for an error would land in the line that is being typed. It
 * waits for no lock, and neither makes a catalog nor changes the schema of one.
 */
export function namesCommand(edge: Edge): CommandUnknownOpts {
  return new Command("__complete")
    .argument("[what...]")
    .allowUnknownOption()
    .action(async (what: string[], _options, command) => {
      try {
        const lines = await names(edge, what, command.optsWithGlobals());
        edge.io.stdout.write(lines.map((line) => `${line}\n`).join(""));
      } catch {
        // see above: no name is the answer
      }
    });
}

async function names(
  edge: Edge,
  [what, feed, prefix = ""]: readonly string[],
  flags: { config?: string | undefined },
): Promise<string[]> {
  const { loadConfig } = await import("../frame/config.ts");
  const { createContext } = await import("../frame/context.ts");
  const config = await loadConfig(edge.io, flags);
  if (config.databaseUrl === undefined && !existsSync(join(config.dataDir, "catalog"))) return [];
  if (config.databaseUrl !== undefined) setTimeout(() => process.exit(0), PATIENCE).unref();
  await using context = createContext(edge.io, { ...config, lockWait: 0 }, () => {});
  const catalog = await context.bareCatalog();
  const { schemaState } = await import("../../catalog/connection/migrate.ts");
  const schema = await schemaState(catalog);
  if (schema.version !== schema.newest) return [];

  const { findFeed, listFeeds } = await import("../../catalog/feeds.ts");
  if (what === "feeds") return (await listFeeds(catalog.db)).map((row) => `${row.name}\t${row.type}`);
  if (what !== "packages" || feed === undefined) return [];
  const row = await findFeed(catalog.db, feed);
  if (row === undefined) return [];
  // the catalog knows a group without the sign before it
  const typed = prefix.replace(/^@/, "");
  const { groupPrefix: sign = "" } = feedTypeInfo(row.type as FeedType);
  const { listPackagesByPrefix } = await import("../../catalog/packages.ts");
  const found = await listPackagesByPrefix(catalog.db, row.id, typed, MOST_PACKAGES);
  // a name that a shell would have to quote, each in its own way, is left for the user to type
  return found
    .map((each) => (each.group_name === "" ? each.name : `${sign}${each.group_name}/${each.name}`))
    .filter((name) => /^[A-Za-z0-9@/._~+:-]+$/.test(name));
}
