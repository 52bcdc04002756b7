import { accessSync, constants, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { repository } from "./build.ts";

/** The real S3 servers that the tests use, in the versions that they were made for. */
export const s3Versions = { versitygw: "v1.8.0", seaweedfs: "4.48" };

export type S3Program = "versitygw" | "weed";

/** Where an installed server is kept: outside the checkout, so that a fresh clone need not build it again. */
export function testCache(name: string): string {
  return join(process.env["XDG_CACHE_HOME"] || userCache(), "feedctl-ci", name);
}

export function s3Cache(program: S3Program): string {
  return testCache(program === "weed" ? `seaweedfs-${s3Versions.seaweedfs}` : `versitygw-${s3Versions.versitygw}`);
}

function userCache(): string {
  try {
    return join(homedir(), ".cache");
  } catch {
    // A user without a home directory. A shared directory would let others choose what is run.
    return join(repository, "node_modules", ".cache");
  }
}

export function programOf(binary: string): S3Program {
  return basename(binary).startsWith("weed") ? "weed" : "versitygw";
}

/**
 * The best S3 server that is installed: the one named by FEEDCTL_TEST_S3_BINARY, else versitygw, else weed, each from
 * PATH or the cache. Undefined when none is installed, or when FEEDCTL_TEST_S3_EMULATOR selects the emulator.
 */
export function findS3Binary(): string | undefined {
  if (process.env["FEEDCTL_TEST_S3_EMULATOR"]) return undefined;
  const named = process.env["FEEDCTL_TEST_S3_BINARY"];
  return named || findInstalled("versitygw") || findInstalled("weed");
}

export function findInstalled(program: S3Program): string | undefined {
  return findOnPath(program) ?? findInCache(program);
}

export function findOnPath(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => findIn(folder, name)).find((file) => file !== undefined);
}

/** The program `name` in a folder. */
export function findIn(folder: string, name: string): string | undefined {
  return [join(folder, process.platform === "win32" ? `${name}.exe` : name)].find(isExecutable);
}

function findInCache(program: S3Program): string | undefined {
  const folder = s3Cache(program);
  if (program === "versitygw") return [join(folder, program)].find(isExecutable);
  // the position of the program in the virtual environment depends on pip
  try {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return names
      .filter((name) => basename(name) === program)
      .map((name) => join(folder, name))
      .find(isExecutable);
  } catch {
    return undefined; // not installed
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
