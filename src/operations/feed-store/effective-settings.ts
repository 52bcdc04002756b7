import { join, win32 } from "node:path";
import type { Context } from "../context.ts";
import { ROOT_PATH, settingInfos, type Setting, type SettingInfo } from "./setting-names.ts";

/** All effective settings, by name. */
export function settingsMap(context: Context, saved: ReadonlyMap<string, string>): Map<string, Setting> {
  return new Map(settingInfos.map((info) => [info.name, effective(context, info, saved.get(info.name))]));
}

/**
 * A setting's effective value: the saved one, else the configuration file's, else the default. Empty values do not
 * count.
 */
export function effective(context: Context, info: SettingInfo, saved: string | undefined): Setting {
  const about = { name: info.name, description: info.description };
  // ProGet's files write True; callers compare with "true"
  const plain = (value: string) => (info.kind === "boolean" ? value.toLowerCase() : value);
  if (saved !== undefined && saved !== "") return { ...about, value: plain(saved), origin: "catalog" };
  const configured = context.configuredSettings.get(info.name);
  if (configured !== undefined && configured !== "") return { ...about, value: plain(configured), origin: "config" };
  return { ...about, value: info.name === ROOT_PATH ? defaultRoot(context) : info.fallback, origin: "default" };
}

function defaultRoot(context: Context): string {
  if (context.platform !== "win32") return join(context.dataDir, "packages");
  return win32.join(context.env("ProgramData") ?? "C:\\ProgramData", "ProGet", "PackagesRoot");
}
