import { resolve } from "node:path";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { findSetting, settingProblem } from "../../operations/feed-store/setting-names.ts";
import { findProvider, storeTypeNames, type StoreConfig } from "../../stores/providers.ts";
import { parseLimits, type Limits } from "../../lib/limits.ts";
import { readDatabaseUrl } from "./database-url.ts";
import { readConfigFile, type ConfigFile } from "./config-file.ts";
import { ConfigProblem, explainProblem } from "./config-problem.ts";
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
  try {
    return await toConfig(io, found);
  } catch (error) {
    throw found !== undefined && error instanceof ConfigProblem ? await explainProblem(found.path, error) : error;
  }
}

async function toConfig(io: Io, found: ConfigFile | undefined): Promise<Config> {
  if (found !== undefined) checkNames(found);
  const file = found?.values ?? {};
  const dataDir = io.env["FEEDCTL_DATA_DIR"] || text(file, "dataDir") || (await userDirectories()).data;
  return {
    databaseUrl: await readDatabaseUrl(io, { url: text(file, "databaseUrl"), file: text(file, "databaseUrlFile") }),
    dataDir: resolve(io.cwd, dataDir),
    concurrency: either(io.env["FEEDCTL_CONCURRENCY"], file, "concurrency", (value) =>
      number("concurrency", value, 8, 1, 256),
    ),
    lockWait: either(io.env["FEEDCTL_LOCK_WAIT"], file, "lockWait", (value) =>
      number("lockWait", value, 30, 0, 86_400),
    ),
    keyFile: resolve(io.cwd, io.env["FEEDCTL_KEY_FILE"] || text(file, "keyFile") || resolve(io.cwd, dataDir, "key")),
    settings: settingsOf(file),
    stores: profilesOf(file),
    limits: limitsOf(io.env["FEEDCTL_LIMITS"], file["limits"]),
    file: found?.path,
  };
}

/** Throws `usage` for a misspelled entry. */
function checkNames({ values }: ConfigFile): void {
  for (const name of Object.keys(values)) {
    if ((known as readonly string[]).includes(name) || name.startsWith(PROGET_PREFIX)) continue;
    throw new ConfigProblem(
      [name],
      `the entry "${name}" is unknown`,
      `known are ${known.join(", ")} and ${PROGET_PREFIX}Storage.*`,
    );
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
  if (value === "") throw new ConfigProblem([name], `"${name}" is empty`, "give it a value, or remove the line");
  if (value === undefined || typeof value === "string") return value;
  throw new ConfigProblem([name], `"${name}" must be text`);
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

/** Reads the value of a variable or else of the entry of the file, whose errors get its place. */
function either<T>(
  variable: string | undefined,
  file: Record<string, unknown>,
  name: string,
  read: (value: unknown) => T,
): T {
  return variable === undefined ? inFile([name], () => read(file[name])) : read(variable);
}

/** Gives usage errors of `read` the place of an entry in the file. */
function inFile<T>(entry: readonly string[], read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isFeedctlError(error, "usage")) throw error;
    throw new ConfigProblem(entry, error.message, error.hint);
  }
}

/** Settings from `settings: {"Storage.X": ...}`, or in ProGet's form `ProGetConfig.Storage.X` at the top level. */
function settingsOf(values: Record<string, unknown>): Map<string, string> {
  const given = values["settings"] ?? {};
  if (typeof given !== "object" || Array.isArray(given))
    throw new ConfigProblem(["settings"], '"settings" must be an object');
  const settings = new Map<string, string>();
  const proget = Object.entries(values).filter(([name]) => name.startsWith(PROGET_PREFIX));
  for (const [spelled, value] of [...proget, ...Object.entries(given ?? {})]) {
    const name = spelled.replace(/^ProGetConfig\./, "");
    const info = findSetting(name);
    const entry = spelled in values ? [spelled] : ["settings", spelled];
    if (info === undefined) throw new ConfigProblem(entry, `"${name}" is not a setting`, "see: feedctl settings list");
    const problem = settingProblem(info, String(value));
    if (problem !== undefined) throw new ConfigProblem(entry, problem);
    settings.set(info.name, String(value));
  }
  return settings;
}

/** Store profiles from `stores: {"backup": {"type": "s3", "bucket": "b", "accessKey": "env:K", ...}}`, by name. */
function profilesOf(values: Record<string, unknown>): Map<string, StoreConfig> {
  const given = values["stores"] ?? {};
  if (typeof given !== "object" || Array.isArray(given))
    throw new ConfigProblem(["stores"], '"stores" must be an object');
  const profiles = new Map<string, StoreConfig>();
  for (const [name, profile] of Object.entries(given)) {
    const { type } = (profile ?? {}) as { type?: unknown };
    const provider = findProvider(type);
    if (provider === undefined)
      throw new ConfigProblem(
        ["stores", name],
        `the store profile "${name}" needs a type`,
        `one of ${storeTypeNames.join(", ")}`,
      );
    profiles.set(
      name,
      inFile(["stores", name], () => provider.parse(profile, `the store profile "${name}"`)),
    );
  }
  return profiles;
}

/** Limits from `limits: {"zipEntries": 200000}`, and from `zipEntries=200000,manifest=2M` in the environment. */
function limitsOf(words: string | undefined, ofFile: unknown): Partial<Limits> {
  if (ofFile !== undefined && (typeof ofFile !== "object" || ofFile === null || Array.isArray(ofFile)))
    throw new ConfigProblem(["limits"], '"limits" must be an object');
  const given: Record<string, unknown> = { ...ofFile };
  for (const [name, value] of Object.entries(given)) inFile(["limits", name], () => checkedLimits({ [name]: value }));
  for (const part of (words ?? "").split(",").filter((each) => each.trim() !== "")) {
    const [name = "", value = ""] = part.split("=");
    given[name.trim()] = value.trim();
  }
  return checkedLimits(given);
}

function checkedLimits(given: Record<string, unknown>): Partial<Limits> {
  const limits = parseLimits(given);
  if (!("problem" in limits)) return limits;
  throw new FeedctlError("usage", limits.problem, { hint: "the limits and their defaults: docs/limits.md" });
}
