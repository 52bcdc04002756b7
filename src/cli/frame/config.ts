import { resolve } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { findSetting, settingProblem } from "../../operations/feed-store/setting-names.ts";
import { findProvider, storeTypeNames, type StoreConfig } from "../../stores/providers.ts";
import { parseLimits, type Limits } from "../../lib/limits.ts";
import { readDatabaseUrl } from "./database-url.ts";
import { readConfigFile, type ConfigFile } from "./config-file.ts";
import type { Io } from "./io.ts";
import { PLAIN_INTERVAL } from "./progress.ts";
import { userDirectories } from "./user-directories.ts";

/** Configuration of this process. Flags override the environment, that the configuration file, that the defaults. */
export interface Config {
  databaseUrl: string | undefined;
  dataDir: string;
  concurrency: number;
  /** Seconds. */
  lockWait: number;
  keyFile: string;
  /** Settings of the installation in the file. A value in the catalog overrides them. */
  settings: ReadonlyMap<string, string>;
  /** Store profiles by name, for `NAME:path` locations; their secrets may still be references. */
  stores: ReadonlyMap<string, StoreConfig>;
  /** How much of packages, archives and listings is read. */
  limits: Partial<Limits>;
  /** Path of the configuration file; undefined when there is none. */
  file: string | undefined;
}

const PROGET_PREFIX = "ProGetConfig.";
/** Environment variables that say which catalog, directory, file and key are used. */
const namesOfPlaces = [
  "FEEDCTL_CONFIG",
  "FEEDCTL_DATABASE_URL",
  "FEEDCTL_DATABASE_URL_FILE",
  "FEEDCTL_DATA_DIR",
  "FEEDCTL_KEY_FILE",
  "FEEDCTL_KEY",
] as const;
const known = [
  "databaseUrl",
  "databaseUrlFile",
  "dataDir",
  "concurrency",
  "lockWait",
  "keyFile",
  "settings",
  "stores",
  "limits",
] as const;

export async function loadConfig(io: Io, flags: { config?: string | undefined }): Promise<Config> {
  refuseEmpty(io);
  if (flags.config === "") throw new FeedctlError("usage", "--config needs the path of a file");
  number("FEEDCTL_PROGRESS_INTERVAL", io.env["FEEDCTL_PROGRESS_INTERVAL"], PLAIN_INTERVAL, 1, 86_400);
  const found = await readConfigFile(io, flags.config ?? io.env["FEEDCTL_CONFIG"]);
  if (found !== undefined) checkNames(found);
  const file = found?.values ?? {};
  const dataDir = io.env["FEEDCTL_DATA_DIR"] || text(file, "dataDir") || (await userDirectories()).data;
  return {
    databaseUrl: await readDatabaseUrl(io, { url: text(file, "databaseUrl"), file: text(file, "databaseUrlFile") }),
    dataDir: resolve(io.cwd, dataDir),
    concurrency: number("concurrency", io.env["FEEDCTL_CONCURRENCY"] ?? file["concurrency"], 8, 1, 256),
    lockWait: number("lockWait", io.env["FEEDCTL_LOCK_WAIT"] ?? file["lockWait"], 30, 0, 86_400),
    keyFile: resolve(io.cwd, io.env["FEEDCTL_KEY_FILE"] || text(file, "keyFile") || resolve(io.cwd, dataDir, "key")),
    settings: settingsOf(file),
    stores: profilesOf(file, found?.path),
    limits: limitsOf(io.env["FEEDCTL_LIMITS"], file["limits"]),
    file: found?.path,
  };
}

/** Throws `usage` for a misspelled entry. */
function checkNames({ path, values }: ConfigFile): void {
  for (const name of Object.keys(values)) {
    if ((known as readonly string[]).includes(name) || name.startsWith(PROGET_PREFIX)) continue;
    throw new FeedctlError("usage", `the configuration file ${path} has the unknown entry "${name}"`, {
      hint: `known are ${known.join(", ")} and ${PROGET_PREFIX}Storage.*`,
    });
  }
}

/**
 * Throws `usage` for a variable that is set but empty: usually a script's own variable was not set, and feedctl would
 * quietly use another catalog, directory or key than intended.
 */
function refuseEmpty(io: Io): void {
  const empty = [io.platform === "win32" ? "USERPROFILE" : "HOME", ...namesOfPlaces].find(
    (name) => io.env[name] === "",
  );
  if (empty === undefined) return;
  throw new FeedctlError("usage", `${empty} is set but empty`, { hint: `give it a value, or: unset ${empty}` });
}

function text(values: Record<string, unknown>, name: string): string | undefined {
  const value = values[name];
  if (value === "")
    throw new FeedctlError("usage", `"${name}" in the configuration file is empty`, {
      hint: "give it a value, or remove the line",
    });
  if (value === undefined || typeof value === "string") return value;
  throw new FeedctlError("usage", `"${name}" in the configuration file must be text`);
}

function number(name: string, value: unknown, fallback: number, least: number, most: number): number {
  if (value === undefined || value === "") return fallback;
  const parsed = Number(value);
  if (Number.isInteger(parsed) && parsed >= least && parsed <= most) return parsed;
  throw new FeedctlError(
    "usage",
    `${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`,
  );
}

/** Settings from `settings: {"Storage.X": ...}`, or in ProGet's form `ProGetConfig.Storage.X` at the top level. */
function settingsOf(values: Record<string, unknown>): Map<string, string> {
  const given = values["settings"] ?? {};
  if (typeof given !== "object" || Array.isArray(given))
    throw new FeedctlError("usage", `"settings" in the configuration file must be an object`);
  const settings = new Map<string, string>();
  const proget = Object.entries(values).filter(([name]) => name.startsWith(PROGET_PREFIX));
  for (const [spelled, value] of [...proget, ...Object.entries(given ?? {})]) {
    const name = spelled.replace(/^ProGetConfig\./, "");
    const info = findSetting(name);
    if (info === undefined)
      throw new FeedctlError("usage", `the configuration file sets "${name}", which is not a setting`, {
        hint: "see: feedctl settings list",
      });
    const problem = settingProblem(info, String(value));
    if (problem !== undefined) throw new FeedctlError("usage", `in the configuration file ${problem}`);
    settings.set(info.name, String(value));
  }
  return settings;
}

/** Store profiles from `stores: {"backup": {"type": "s3", "bucket": "b", "accessKey": "env:K", ...}}`, by name. */
function profilesOf(values: Record<string, unknown>, path: string | undefined): Map<string, StoreConfig> {
  const given = values["stores"] ?? {};
  if (typeof given !== "object" || Array.isArray(given))
    throw new FeedctlError("usage", `"stores" in the configuration file ${path} must be an object`);
  const profiles = new Map<string, StoreConfig>();
  for (const [name, profile] of Object.entries(given)) {
    const { type } = (profile ?? {}) as { type?: unknown };
    const provider = findProvider(type);
    if (provider === undefined)
      throw new FeedctlError("usage", `the store profile "${name}" in the configuration file needs a type`, {
        hint: `one of ${storeTypeNames.join(", ")}`,
      });
    profiles.set(name, provider.parse(profile, `the store profile "${name}" in the configuration file ${path}`));
  }
  return profiles;
}

/** Limits from `limits: {"zipEntries": 200000}`, and from `zipEntries=200000,manifest=2M` in the environment. */
function limitsOf(words: string | undefined, inFile: unknown): Partial<Limits> {
  if (inFile !== undefined && (typeof inFile !== "object" || inFile === null || Array.isArray(inFile)))
    throw new FeedctlError("usage", `"limits" in the configuration file must be an object`);
  const given: Record<string, unknown> = { ...inFile };
  for (const part of (words ?? "").split(",").filter((each) => each.trim() !== "")) {
    const [name = "", value = ""] = part.split("=");
    given[name.trim()] = value.trim();
  }
  const limits = parseLimits(given);
  if (!("problem" in limits)) return limits;
  throw new FeedctlError("usage", limits.problem, { hint: "the limits and their defaults: docs/limits.md" });
}
