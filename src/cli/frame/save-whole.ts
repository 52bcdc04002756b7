import { systemCode, unnamedMessage } from "../../lib/files/system-code.ts";
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { lstat, rename, rm } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FeedctlError } from "../../errors.ts";
import { openFolder } from "../../lib/files/open-folder.ts";
import { renameWithoutOverwrite } from "../../lib/files/rename-without-overwrite.ts";
import type { Io } from "./io.ts";
import { outputError } from "./output-error.ts";

/**
 * Saves a stream as a file, complete or not at all, and returns its path. With `-`, writes the stream to stdout and
 * returns undefined. Throws `conflict` when the file exists and `overwrite` is false.
 */
export async function saveWhole(
  io: Io,
  body: Readable,
  output: string,
  overwrite: boolean,
): Promise<string | undefined> {
  if (output === "-") {
    await pipeline(body, io.stdout, { end: false, signal: io.signal }).catch((error: unknown) => {
      throw outputError(error);
    });
    return undefined;
  }
  const target = resolve(io.cwd, output);
  // checked first: a long download should not fail at its end
  if (!overwrite && (await lstat(target).catch(() => undefined)) !== undefined) throw existsAlready(target);
  const name = basename(target);
  let temp: string | undefined;
  try {
    using folder = await openFolder(dirname(target));
    try {
      // others may be able to write to the folder: the name cannot be guessed, and what has it already is not opened
      temp = folder.at(`.feedctl-${randomBytes(8).toString("hex")}.part`);
      await pipeline(body, createWriteStream(temp, { flags: "wx" }), { signal: io.signal });
      if (overwrite) await rename(temp, folder.at(name));
      else await renameWithoutOverwrite(temp, folder.at(name));
      return target;
    } catch (error) {
      throw folder.explain(error);
    } finally {
      if (temp !== undefined) await rm(temp, { force: true });
    }
  } catch (error) {
    throw saveError(error, target);
  }
}

function saveError(error: unknown, target: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (error.code === "EEXIST") return existsAlready(target, error);
  if (error.code === "ENOENT")
    return new FeedctlError("not-found", `the directory ${dirname(target)} does not exist`, { cause: error });
  if (error.code === "EACCES" || error.code === "EPERM")
    return new FeedctlError("denied", `${target} cannot be written: permission denied`, { cause: error });
  const code = systemCode(error);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new FeedctlError("full", `no space left for ${target}`, { cause: error });
  if (code !== undefined)
    return new FeedctlError("denied", `${target} cannot be written: ${unnamedMessage(error) ?? error.message}`, {
      cause: error,
    });
  return error;
}

function existsAlready(target: string, cause?: unknown): FeedctlError {
  return new FeedctlError("conflict", `${target} exists already`, {
    cause,
    hint: "choose another --output, or --overwrite",
  });
}
