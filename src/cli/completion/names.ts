import { existsSync } from "node:fs";
import { join } from "node:path";
import { Command, type CommandUnknownOpts } from "commander";
import { feedTypeInfo } from "../../formats/feed-types.ts";
import type { Edge } from "../frame/edge.ts";

/** The most names that are completed: more would not be read. */
const MOST_PACKAGES = 200;
/** Milliseconds to wait for a database server: the user is waiting at the prompt. */
const TIMEOUT = 3000;

/**
 * The hidden command of the completion scripts: `feeds`, or `packages FEED [PREFIX]`. Prints one name a line, then a
 * tab and its description. On any error it prints nothing and exits with 0: an error message would appear in the line
 * that the user is typing. It does not wait for locks, create a catalog or change its schema.
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
        // see above: no output on errors
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
  if (config.databaseUrl !== undefined) setTimeout(() => process.exit(0), TIMEOUT).unref();
  await using context = createContext(edge.io, { ...config, lockWait: 0 }, () => {});
  const catalog = await context.bareCatalog({ create: false });
  const { schemaState } = await import("../../catalog/connection/migrate.ts");
  const schema = await schemaState(catalog);
  if (schema.version !== schema.newest) return [];

  const { findFeed, listFeeds } = await import("../../catalog/feeds.ts");
  if (what === "feeds") return (await listFeeds(catalog.db)).map((row) => `${row.name}\t${row.type}`);
  if (what !== "packages" || feed === undefined) return [];
  const row = await findFeed(catalog.db, feed);
  if (row === undefined) return [];
  // the catalog has groups without their prefix
  const typed = prefix.replace(/^@/, "");
  const { groupPrefix: sign = "" } = feedTypeInfo(row.type);
  const { listPackagesByPrefix } = await import("../../catalog/packages.ts");
  const found = await listPackagesByPrefix(catalog.db, row.id, typed, MOST_PACKAGES);
  // omits names that need quoting, which differs between shells
  return found
    .map((each) => (each.group_name === "" ? each.name : `${sign}${each.group_name}/${each.name}`))
    .filter((name) => /^[A-Za-z0-9@/._~+:-]+$/.test(name));
}
