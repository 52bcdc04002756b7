import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { link, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FeedctlError } from "../errors.ts";
import type { Io } from "./io.ts";

export interface Download {
  file: { size: number; sha256: string };
  /** Name to save it under. */
  fileName: string;
  body: Readable;
}

/** Saves a download under its name, complete and verified or not at all. Undefined when it went to stdout. */
export async function saveStream(
  io: Io,
  download: Download,
  options: { output?: string | undefined; overwrite?: boolean | undefined },
): Promise<string | undefined> {
  const { size, sha256 } = download.file;
  const hash = createHash("sha256");
  let count = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      count += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      const good = count === size && hash.digest("hex") === sha256;
      done(
        good
          ? null
          : new FeedctlError("corrupt", `${download.fileName} is damaged in the store`, {
              hint: "see: feedctl verify --read",
            }),
      );
    },
  });
  if (options.output === "-") {
    await pipeline(download.body, check, io.stdout, { end: false, signal: io.signal });
    return undefined;
  }
  const target = await targetPath(resolve(io.cwd, options.output ?? "."), download.fileName);
  const temp = join(dirname(target), `.${basename(target)}.${io.pid}.part`);
  try {
    await pipeline(download.body, check, createWriteStream(temp, { flags: "wx" }), { signal: io.signal });
    if (options.overwrite) await rename(temp, target);
    else await link(temp, target); // unlike rename, never replaces
    return target;
  } catch (error) {
    throw saveError(error, target);
  } finally {
    await rm(temp, { force: true });
  }
}

async function targetPath(path: string, name: string): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  return info?.isDirectory() ? join(path, name) : path;
}

function saveError(error: unknown, target: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (error.code === "EEXIST")
    return new FeedctlError("conflict", `${target} exists already`, {
      cause: error,
      hint: "choose another --output, or --overwrite",
    });
  if (error.code === "ENOENT")
    return new FeedctlError("not-found", `there is no directory ${dirname(target)}`, { cause: error });
  if (error.code === "EACCES" || error.code === "EPERM")
    return new FeedctlError("denied", `${target} cannot be written: permission denied`, { cause: error });
  if (error.code === "ENOSPC" || error.code === "EDQUOT")
    return new FeedctlError("full", `no space left for ${target}`, { cause: error });
  if (typeof error.code === "string" && /^E[A-Z]+$/.test(error.code))
    return new FeedctlError("denied", `${target} cannot be written: ${error.message}`, { cause: error });
  return error;
}
