import { isAbsolute } from "node:path";
import { feedTypeInfo, feedTypeNames } from "../../formats/feed-types.ts";

export interface SettingInfo {
  readonly name: string;
  readonly kind: "path" | "boolean";
  readonly description: string;
  /** The default value. The root path's depends on the platform: `effective` provides it. */
  readonly fallback: string;
}

export interface Setting {
  name: string;
  value: string;
  /** Where the value comes from. `catalog` wins over `config`, `config` over `default`; empty values do not count. */
  origin: "catalog" | "config" | "default";
  description: string;
}

export const ROOT_PATH = "Storage.PackagesRootPath";

function typePaths(): SettingInfo[] {
  const settings = new Map<string, SettingInfo>();
  for (const type of feedTypeNames) {
    const { setting, typePath } = feedTypeInfo(type);
    const types = feedTypeNames.filter((other) => feedTypeInfo(other).setting === setting);
    settings.set(setting, {
      name: setting,
      kind: "path",
      fallback: typePath,
      description: `type path of ${types.join(", ")} feeds; an absolute path drops the root`,
    });
  }
  return [...settings.values()];
}

/** Every setting of the installation, under ProGet's names. */
export const settingInfos: readonly SettingInfo[] = [
  { name: ROOT_PATH, kind: "path", fallback: "", description: "root of all feeds' default directories" },
  ...typePaths(),
  {
    name: "Feeds.AllowDropPathImportOverwrite",
    kind: "boolean",
    fallback: "false",
    description: "whether drop paths replace existing packages",
  },
  {
    name: "FeedRetentionDryRun",
    kind: "boolean",
    fallback: "false",
    description: "whether retention only prints what it would delete",
  },
];

/** Why a value is not valid for a setting; undefined when it is. Empty is always valid. */
export function settingProblem(info: SettingInfo, value: string): string | undefined {
  if (value === "") return undefined;
  if (info.kind === "boolean")
    return /^(true|false)$/i.test(value) ? undefined : `${info.name} must be true or false, not "${value}"`;
  if (value.includes("\0")) return `${info.name} must not contain a NUL character`;
  if (info.name === ROOT_PATH && !isAbsolute(value)) return `${info.name} must be an absolute path, not "${value}"`;
  if (!isAbsolute(value) && value.split(/[\\/]/).includes("..")) return `${info.name} must not leave the root path`;
  return undefined;
}

/**
 * All effective settings, by name: the saved value, else the configuration file's, else the default. Empty values do not
 * count. `root` is the default of the root path.
 */
export function effectiveSettings(
  configured: ReadonlyMap<string, string>,
  saved: ReadonlyMap<string, string>,
  root: string,
): Map<string, Setting> {
  const effective = ({ name, description, kind, fallback }: SettingInfo): Setting => {
    // ProGet's files write True; callers compare with "true"
    const plain = (value: string) => (kind === "boolean" ? value.toLowerCase() : value);
    const [inCatalog, inConfig] = [saved.get(name), configured.get(name)];
    if (inCatalog) return { name, description, value: plain(inCatalog), origin: "catalog" };
    if (inConfig) return { name, description, value: plain(inConfig), origin: "config" };
    return { name, description, value: name === ROOT_PATH ? root : fallback, origin: "default" };
  };
  return new Map(settingInfos.map((info) => [info.name, effective(info)]));
}

/** Finds a setting by its name, ignoring letter case. */
export function findSetting(name: string): SettingInfo | undefined {
  return settingInfos.find((info) => info.name.toLowerCase() === name.toLowerCase());
}
