import { statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join, resolve, win32 } from "node:path";
import type { Loader, Options, PublicExplorer } from "cosmiconfig";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { Io } from "./io.ts";
import { readTrustedFile, writableByOthers } from "./trusted-file.ts";
import { userDirectories } from "./user-directories.ts";

export interface ConfigFile {
  path: string;
  values: Record<string, unknown>;
}

/** A directory that is searched, and the names of the files in it, the first one found wins. */
interface SearchPlace {
  directory: string;
  names: readonly string[];
}

const dataEndings = ["json", "yaml", "yml", "toml"];
/** Such a file is refused instead of skipped: without its database URL another catalog would be used. */
const programEndings = ["js", "mjs", "cjs", "ts", "mts", "cts"];

const projectNames = [
  "package.json",
  ...withEndings("feedctl.config", dataEndings),
  ".feedctlrc",
  ...withEndings(".feedctlrc", dataEndings),
  ...withEndings("feedctl.config", programEndings),
  ...withEndings(".feedctlrc", programEndings),
];
const directoryNames = [
  "config",
  ...withEndings("config", dataEndings),
  ...withEndings("feedctl.config", dataEndings),
  ...withEndings("config", programEndings),
  ...withEndings("feedctl.config", programEndings),
];

/** Names that mark the root of a project, above which no configuration file is searched. */
const projectMarks = ["package.json", "package.yaml", ".git"];

/** The most bytes of a file: cosmiconfig reads it whole before its owner is checked. */
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * Reads the configuration file `path`, or searches one. Undefined when there is none. Throws `usage` for a file that is
 * a program or malformed, and `denied` for one that another user could have written.
 */
export async function readConfigFile(io: Io, path: string | undefined): Promise<ConfigFile | undefined> {
  try {
    if (path !== undefined) {
      const given = resolve(io.cwd, path);
      refuseLarge(given);
      return toConfigFile(await (await openExplorer([])).load(given));
    }
    for (const { directory, names } of searchPlaces(io, (await userDirectories()).config)) {
      const existing = names.filter((name) => isReadableKind(join(directory, name)));
      if (existing.length === 0) continue;
      for (const name of existing) refuseLarge(join(directory, name));
      const found = toConfigFile(await (await openExplorer(existing)).search(directory));
      if (found !== undefined) return found;
    }
    return undefined;
  } catch (error) {
    if (isFeedctlError(error)) throw error;
    // without cause, and only the first line: parsers quote the lines around an error, which may contain a password
    const [where = ""] = (error as Error).message.split("\n");
    throw new FeedctlError(
      "usage",
      `the configuration file cannot be read: ${where.replace(/:$/, "")}${positionOf(error)}`,
      {
        hint: (error as NodeJS.ErrnoException).code === "ENOENT" ? "check its path" : "check its syntax",
      },
    );
  }
}

/** `:line:column` of a syntax error in YAML (js-yaml) or JSON (V8); empty when the error does not say. */
function positionOf(error: unknown): string {
  const { mark, message = "" } = error as { mark?: { line: number; column: number }; message?: string };
  if (mark !== undefined) return `:${mark.line + 1}:${mark.column + 1}`;
  const [, line, column] = /\bline (\d+) column (\d+)/.exec(message) ?? [];
  return line === undefined ? "" : `:${line}:${column}`;
}

/** From the working directory up to the root of the project or the home directory, then the user's, then the system's. */
export function searchPlaces(
  { cwd, env, platform }: Pick<Io, "cwd" | "env" | "platform">,
  userDirectory: string,
): SearchPlace[] {
  const places: SearchPlace[] = [];
  const home = homedir();
  for (let directory = cwd; ; directory = dirname(directory)) {
    places.push({ directory, names: projectNames });
    const isTop = directory === home || directory === dirname(directory);
    if (isTop || projectMarks.some((name) => exists(join(directory, name)))) break;
  }
  places.push({ directory: userDirectory, names: directoryNames });
  const system =
    platform === "win32" ? env["ProgramData"] && win32.join(env["ProgramData"], "feedctl") : "/etc/feedctl";
  if (system) places.push({ directory: system, names: directoryNames });
  return places;
}

/**
 * cosmiconfig's explorer for one directory. The class itself is used, because the public function first reads
 * `.config/config.{js,cjs,...}` and `package.json` of the working directory to configure cosmiconfig, which runs
 * programs there whatever its loaders are.
 */
async function openExplorer(names: readonly string[]): Promise<PublicExplorer> {
  const { Explorer } = (await import("cosmiconfig/dist/Explorer.js")) as unknown as {
    Explorer: new (options: Options & { moduleName: string }) => PublicExplorer;
  };
  const { defaultLoaders } = await import("cosmiconfig");
  const program = Object.fromEntries(programEndings.map((ending) => [`.${ending}`, refuseProgram]));
  return new Explorer({
    moduleName: "feedctl",
    searchPlaces: [...names],
    searchStrategy: "none",
    ignoreEmptySearchPlaces: true,
    cache: false,
    mergeImportArrays: true,
    mergeSearchPlaces: true,
    transform: (found) => found,
    loaders: {
      ...program,
      ".json": trusted(defaultLoaders[".json"]),
      ".yaml": trusted(defaultLoaders[".yaml"]),
      ".yml": trusted(defaultLoaders[".yml"]),
      ".toml": trusted(loadToml),
      noExt: trusted(defaultLoaders.noExt),
      default: trusted(defaultLoaders.noExt),
    },
  });
}

/** Parses what it has read itself: the name may point to another file than when cosmiconfig read it. */
function trusted(load: Loader): Loader {
  return async (path, content) => {
    const { problem, bytes } = await readTrustedFile(path, writableByOthers);
    if (problem !== undefined) {
      // somebody else's project, which does not configure feedctl
      if (basename(path) === "package.json" && !configuresFeedctl(content)) return {};
      throw new FeedctlError("denied", `the configuration file ${path} is not used: ${problem}`, {
        hint: "make it yours (chown) and writable by you alone (chmod go-w), or name another file with --config",
      });
    }
    const values: unknown = await load(path, bytes === undefined ? content : decode(bytes));
    return values;
  };
}

function configuresFeedctl(packageFile: string): boolean {
  try {
    const values: unknown = JSON.parse(packageFile);
    return typeof values === "object" && values !== null && "feedctl" in values;
  } catch {
    return false;
  }
}

/** UTF-8 or, as PowerShell 5 writes it, UTF-16. */
function decode(bytes: Buffer): string {
  return new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : "utf-8").decode(bytes);
}

const refuseProgram: Loader = (path) => {
  throw new FeedctlError("usage", `the configuration file ${path} is a program, and feedctl runs none`, {
    hint: "write it as YAML, JSON or TOML: feedctl.config.yaml",
  });
};

const loadToml: Loader = async (path, content) => {
  const { parseToml, tomlErrorPlace } = await import("../../formats/manifests/toml.ts");
  const { placeIn } = await import("../../formats/manifests/yaml-places.ts");
  try {
    return parseToml(Buffer.from(content), basename(path));
  } catch (error) {
    if (!isFeedctlError(error)) throw error;
    throw new FeedctlError(
      "usage",
      `the configuration file ${placeIn(path, tomlErrorPlace(error))} cannot be read: ${error.message}`,
      {
        hint: "check its syntax",
      },
    );
  }
};

function toConfigFile(found: Awaited<ReturnType<PublicExplorer["load"]>>): ConfigFile | undefined {
  if (found === null || found.isEmpty) return undefined;
  const values: unknown = found.config;
  if (typeof values !== "object" || values === null || Array.isArray(values))
    throw new FeedctlError("usage", `the configuration file ${found.filepath} does not contain an object`);
  return { path: found.filepath, values: values as Record<string, unknown> };
}

function withEndings(stem: string, endings: readonly string[]): string[] {
  return endings.map((ending) => `${stem}.${ending}`);
}

/** A file or a link to one. Reading a pipe that another user has put there would wait for ever. */
function isReadableKind(path: string): boolean {
  return statOf(path)?.isFile() ?? false;
}

/** Throws `usage`. */
function refuseLarge(path: string): void {
  const { size = 0 } = statOf(path) ?? {};
  if (size <= MOST_BYTES) return;
  throw new FeedctlError(
    "usage",
    `the configuration file ${path} has ${size} bytes, more than the ${MOST_BYTES} allowed`,
    {
      hint: "is it the right file?",
    },
  );
}

function exists(path: string): boolean {
  return statOf(path) !== undefined;
}

function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // a directory that may not be read has no configuration for this user
  }
}
