import type { Db } from "../../catalog/schema/core.ts";
import { readSettings } from "../../catalog/settings.ts";
import type { Context } from "../context.ts";
import { defaultRoot } from "./require-installation.ts";
import { effectiveSettings, type Setting } from "./setting-names.ts";

/** All effective settings, by name. */
export async function loadSettings(context: Context, db: Db): Promise<Map<string, Setting>> {
  const [saved, root] = [await readSettings(db), await defaultRoot(context, db)];
  return effectiveSettings(context.configuredSettings, saved, root);
}
