import { existsSync } from "node:fs";
import { join, win32 } from "node:path";
import { sampleDefaultFiles } from "../../catalog/files.ts";
import { isKey } from "../../lib/key.ts";
import {
  findInstallation,
  insertInstallation,
  saveDefaultRoot,
  type InstallationRow,
} from "../../catalog/installation.ts";
import type { Db } from "../../catalog/schema/core.ts";
import { readSettings } from "../../catalog/settings.ts";
import type { Context } from "../context.ts";
import { defaultDirectory } from "./default-directory.ts";
import { effectiveSettings } from "./setting-names.ts";

/**
 * The row of the installation, inserted on first use. On a server the default root is recorded with it, because a
 * directory that follows the user's home would be another one for every user and machine.
 */
export async function requireInstallation(
  context: Context,
  db: Db,
  kind?: "postgres" | "pglite",
): Promise<InstallationRow> {
  const known = await findInstallation(db);
  if (known !== undefined) return known;
  const shared = (kind ?? (await context.catalog()).kind) === "postgres";
  const root = shared && (await isOwnRoot(context, db)) ? machineRoot(context) : null;
  return insertInstallation(db, { defaultRoot: root, host: context.host, now: context.now() });
}

/**
 * The root of the default directories. The embedded catalog's moves with its data directory; on a server it is the
 * recorded one.
 */
export async function defaultRoot(context: Context, db: Db): Promise<string> {
  const own = machineRoot(context);
  if ((await context.catalog()).kind === "pglite") return own;
  const { default_root: recorded } = await requireInstallation(context, db);
  if (recorded !== null) return recorded;
  return (await isOwnRoot(context, db)) ? saveDefaultRoot(db, own) : own;
}

/** How many recorded files are looked for below a root. */
const SAMPLE = 20;

/**
 * Whether this machine's and user's root is the installation's. Where feeds already have files, it is only when it holds
 * some of them: another user's first command must not move the feeds, even when that user has a root of the same form.
 */
async function isOwnRoot(context: Context, db: Db): Promise<boolean> {
  const files = await sampleDefaultFiles(db, SAMPLE);
  if (files.length === 0) return true;
  const settings = effectiveSettings(context.configuredSettings, await readSettings(db), machineRoot(context));
  return files.some(({ feed, file }) => isKey(file) && existsSync(join(defaultDirectory(settings, feed).path, file)));
}

function machineRoot(context: Context): string {
  if (context.platform !== "win32") return join(context.dataDir, "packages");
  return win32.join(context.env("ProgramData") ?? "C:\\ProgramData", "ProGet", "PackagesRoot");
}
