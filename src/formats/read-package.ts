import { FeedctlError } from "../errors.ts";
import { formatSize } from "../lib/text/format-size.ts";
import { limits, limitTable, type LimitName } from "../lib/limits.ts";
import { excerpt } from "../lib/text/excerpt.ts";
import { TarError } from "../lib/archives/tar/read.ts";
import type { PackageFile, PackageIdentity, ReadOptions } from "./format.ts";

/** An error that says why a package file is rejected; `readPackage` adds the name of the file. */
export function invalid(reason: string, cause?: unknown): FeedctlError {
  return new FeedctlError("invalid", shortened(reason), { cause });
}

/** A reason may quote text of a package, of any length. `aboutFile` shows 300 characters of it. */
function shortened(reason: string): string {
  return reason.slice(0, 400);
}

/** The file is a package of the format, and only its name is refused. */
export class WrongNameError extends FeedctlError {
  constructor(reason: string, cause?: unknown) {
    super("invalid", shortened(reason), { cause });
  }
}

/**
 * The same for what exceeds a limit, which the configuration can raise. `what` is the part of the reason before the
 * amount, `noun` that after it. The reason names limit and setting, because reports of many files have no hints. `most`:
 * the amount, if the caller has another one than the configuration.
 */
export function beyondLimit(
  limit: LimitName,
  what: string,
  { noun, most = limits[limit], cause }: { noun?: string; most?: number; cause?: unknown } = {},
): FeedctlError {
  const amount = limitTable[limit].unit === "bytes" ? formatSize(most) : most.toLocaleString("en-US");
  const reason = `${what} more than ${amount}${noun === undefined ? "" : ` ${noun}`}`;
  const hint = `if you trust it, raise the limit, such as FEEDCTL_LIMITS=${limit}=${2 * limits[limit]}; see docs/limits.md`;
  // another amount has an option of its own
  if (most !== limits[limit]) return invalid(reason, cause);
  return new FeedctlError("invalid", `${shortened(reason)} (limit "${limit}" of FEEDCTL_LIMITS)`, { cause, hint });
}

/** What unpacks to more than `most` times its size, which is the limit `ratio` or the caller's. */
export function beyondRatio(most: number): FeedctlError {
  return beyondLimit("ratio", "the archive unpacks to", { noun: "times its size", most });
}

/**
 * Runs a format's `read` and turns every failure into a `FeedctlError` that names the file: `invalid` for its content,
 * another code for errors of the file system and for the caller's signal. Other errors are bugs and pass through.
 * Warnings may quote text of the package, so each is shortened.
 */
export async function readPackage(
  what: string,
  file: PackageFile,
  options: ReadOptions | undefined,
  read: () => Promise<PackageIdentity>,
): Promise<PackageIdentity> {
  return aboutFile(file, `is not a valid ${what}`, options?.signal, async () => {
    const identity = await read();
    return { ...identity, warnings: identity.warnings.map((warning) => excerpt(warning)) };
  });
}

/** The same for any work on a package file. `judgement` follows the name of the file in the message. */
export async function aboutFile<T>(
  file: PackageFile,
  judgement: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    signal?.throwIfAborted();
    return await work();
  } catch (error) {
    const name = excerpt(file.name);
    if (signal?.aborted) throw new FeedctlError("interrupted", `reading ${name} was interrupted`, { cause: error });
    if (error instanceof FeedctlError && error.code !== "invalid") throw error;
    const reason = reasonOf(error);
    if (error instanceof WrongNameError)
      throw new WrongNameError(`${name} ${judgement}: ${excerpt(error.message)}`, error);
    const hint = error instanceof FeedctlError ? error.hint : undefined;
    if (reason !== undefined)
      throw new FeedctlError("invalid", `${name} ${judgement}: ${excerpt(reason)}`, { cause: error, hint });
    throw fileSystemError(name, error) ?? error;
  }
}

function reasonOf(error: unknown): string | undefined {
  if (error instanceof FeedctlError || error instanceof TarError) return error.message;
  const { code, name } = error as NodeJS.ErrnoException;
  if (code === "Z_BUF_ERROR") return "the compressed data ends early";
  if (code?.startsWith("Z_")) return `the compressed data is damaged (${(error as Error).message})`;
  // A Blob of a file throws this when the file has changed.
  if (name === "NotReadableError") return "the file changed while it was read";
  return undefined;
}

function fileSystemError(name: string, error: unknown): FeedctlError | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "ENOENT")
    return new FeedctlError("not-found", `cannot read ${name}: it does not exist`, { cause: error });
  if (code === "EACCES" || code === "EPERM")
    return new FeedctlError("denied", `cannot read ${name}: access denied`, { cause: error });
  if (syscall !== undefined)
    return new FeedctlError("unavailable", `cannot read ${name}: ${(error as Error).message}`, { cause: error });
  return undefined;
}
