import { existsSync } from "node:fs";
import { glob } from "node:fs/promises";
import { join, win32 } from "node:path";
import { sampleDefaultFiles } from "../../catalog/files.ts";
import { isKey, MARKER_KEY } from "../../lib/key.ts";
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
  const row = await insertInstallation(db, { host: context.host, now: context.now() });
  const shared = (kind ?? (await context.catalog()).kind) === "postgres";
  const root = shared ? await chooseRoot(context, db, row) : undefined;
  return root === undefined ? row : { ...row, default_root: await saveDefaultRoot(db, root) };
}

/**
 * The root of the default directories. The embedded catalog's moves with its data directory; on a server it is the
 * recorded one.
 */
export async function defaultRoot(context: Context, db: Db): Promise<string> {
  const own = machineRoot(context);
  if ((await context.catalog()).kind === "pglite") return own;
  const installation = await requireInstallation(context, db);
  if (installation.default_root !== null) return installation.default_root;
  const root = await chooseRoot(context, db, installation);
  return root === undefined ? own : saveDefaultRoot(db, root);
}

/** How many recorded files are looked for below a root. */
const SAMPLE = 20;

/**
 * The root to record; undefined when it is another machine's or user's to tell. Where feeds already have files, this one's
 * is right only when it holds some of them: another user's first command must not move the feeds, even when that user has a
 * root of the same form. Where no feed has files yet, a root with the stores of another installation is left to that one.
 */
async function chooseRoot(context: Context, db: Db, installation: InstallationRow): Promise<string | undefined> {
  const own = machineRoot(context);
  const files = await sampleDefaultFiles(db, SAMPLE);
  if (files.length === 0) return (await holdsStores(own)) ? `${own}-${installation.id.slice(0, 8)}` : own;
  const settings = effectiveSettings(context.configuredSettings, await readSettings(db), own);
  const isThere = files.some(
    ({ feed, file }) => isKey(file) && existsSync(join(defaultDirectory(settings, feed).path, file)),
  );
  return isThere ? own : undefined;
}

/** Whether the default directory of some feed below the root has a marker. */
async function holdsStores(root: string): Promise<boolean> {
  for await (const _ of glob(`{*,.*}/F*/${MARKER_KEY}`, { cwd: root })) return true;
  return false;
}

function machineRoot(context: Context): string {
  if (context.platform !== "win32") return join(context.dataDir, "packages");
  return win32.join(context.env("ProgramData") ?? "C:\\ProgramData", "ProGet", "PackagesRoot");
}
