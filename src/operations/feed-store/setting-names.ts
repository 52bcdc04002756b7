import { isAbsolute } from "node:path";
import { feedTypeInfo, feedTypeNames } from "../../formats/feed-types.ts";

export interface SettingInfo {
  readonly name: string;
  readonly kind: "path" | "boolean";
  readonly description: string;
  /** Text of the default; the root path's default depends on the platform and is filled in by `effectiveSettings`. */
  readonly fallback: string;
}

export interface Setting {
  name: string;
  value: string;
  /** Where the value comes from. `catalog` wins over `config`, `config` over `default`; a value saved empty does not count. */
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
    description: "let drop paths replace existing packages",
  },
  {
    name: "FeedRetentionDryRun",
    kind: "boolean",
    fallback: "false",
    description: "retention only tells what it would delete",
  },
];

/** Why a setting cannot have this value; undefined when it can. Empty is always allowed. */
export function settingProblem(info: SettingInfo, value: string): string | undefined {
  if (value === "") return undefined;
  if (info.kind === "boolean")
    return /^(true|false)$/i.test(value) ? undefined : `${info.name} is true or false, not "${value}"`;
  if (value.includes("\0")) return `${info.name} holds a NUL character`;
  if (info.name === ROOT_PATH && !isAbsolute(value)) return `${info.name} must be an absolute path, not "${value}"`;
  if (!isAbsolute(value) && value.split(/[\\/]/).includes("..")) return `${info.name} must not leave the root path`;
  return undefined;
}

/** Names are matched without case, since administrators type them. */
export function findSetting(name: string): SettingInfo | undefined {
  return settingInfos.find((info) => info.name.toLowerCase() === name.toLowerCase());
}
