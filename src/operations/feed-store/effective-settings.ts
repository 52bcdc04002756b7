import type { Db } from "../../catalog/schema/core.ts";
import { readSettings } from "../../catalog/settings.ts";
import type { Context } from "../context.ts";
import { defaultRoot } from "./require-installation.ts";
import { ROOT_PATH, settingInfos, type Setting, type SettingInfo } from "./setting-names.ts";

/** All effective settings, by name. */
export async function loadSettings(context: Context, db: Db): Promise<Map<string, Setting>> {
  const [saved, root] = [await readSettings(db), await defaultRoot(context, db)];
  return new Map(settingInfos.map((info) => [info.name, effective(context, info, saved.get(info.name), root)]));
}

/**
 * A setting's effective value: the saved one, else the configuration file's, else the default. Empty values do not
 * count.
 */
function effective(context: Context, info: SettingInfo, saved: string | undefined, root: string): Setting {
  const about = { name: info.name, description: info.description };
  // ProGet's files write True; callers compare with "true"
  const plain = (value: string) => (info.kind === "boolean" ? value.toLowerCase() : value);
  if (saved !== undefined && saved !== "") return { ...about, value: plain(saved), origin: "catalog" };
  const configured = context.configuredSettings.get(info.name);
  if (configured !== undefined && configured !== "") return { ...about, value: plain(configured), origin: "config" };
  return { ...about, value: info.name === ROOT_PATH ? root : info.fallback, origin: "default" };
}
