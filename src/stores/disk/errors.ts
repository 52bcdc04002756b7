import { getSystemErrorMessage } from "node:util";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import { systemCode, unnamedMessage } from "../../lib/files/system-code.ts";

const known: Record<string, { code: ErrorCode; why: string; hint?: string; storeWide?: boolean }> = {
  ENOENT: { code: "not-found", why: "it does not exist" },
  EACCES: { code: "denied", why: "permission denied" },
  EPERM: { code: "denied", why: "the operation is not permitted" },
  EROFS: {
    code: "unavailable",
    why: "the file system is read-only",
    hint: "after errors of its disk Linux makes a file system read-only (see dmesg); else mount it for writing",
    storeWide: true,
  },
  ENOSPC: { code: "full", why: "no space is left on the disk", hint: "free space on that disk and run it again" },
  EDQUOT: { code: "full", why: "the disk quota is used up", hint: "free space or raise the quota, and run it again" },
  ELOOP: { code: "denied", why: "it is a symbolic link, which feedctl does not follow" },
  EISDIR: { code: "conflict", why: "it is a folder" },
  ENOTDIR: { code: "conflict", why: "a part of its path is a file" },
  EEXIST: { code: "conflict", why: "it already exists" },
  ENOTEMPTY: { code: "conflict", why: "it is a folder" },
  ENAMETOOLONG: { code: "invalid", why: "the name is too long for this file system" },
  EILSEQ: { code: "invalid", why: "this file system does not allow the name" },
  EINVAL: { code: "invalid", why: "this file system does not allow it" },
  EFBIG: { code: "invalid", why: "the file is too large for this file system" },
};

/** The errno name of a file system error; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined;
  return systemCode(error) ?? (typeof error.code === "string" ? error.code : undefined);
}

/**
 * Translates a file system error: `cannot write /srv/x: no space is left on the disk`. Errors that are not in the table
 * (EIO, ESTALE, EMFILE, ETIMEDOUT, EBUSY, ...) are `unavailable`, because the blob may exist. Returns a FeedctlError
 * unchanged, and also an error that no file system call threw, which is a bug.
 */
export function diskError(error: unknown, action: string, path: string): unknown {
  if (isFeedctlError(error)) return error;
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const { code, why, hint, storeWide } = known[errno] ?? {
    code: "unavailable",
    why: `${systemMessage(error)} (${errno})`,
  };
  return new FeedctlError(code, `cannot ${action} ${path}: ${why}`, { hint, cause: error, storeWide });
}

function systemMessage(error: unknown): string {
  const number = (error as NodeJS.ErrnoException).errno;
  return unnamedMessage(error) ?? (number === undefined ? (error as Error).message : getSystemErrorMessage(number));
}
