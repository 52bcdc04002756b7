import { FeedctlError, isFeedctlError } from "../../errors.ts";

/** Why stdout took no more, in words: a file that cannot grow. A pipe whose reader left ends the process in bin/. */
export function outputError(error: unknown): unknown {
  if (isFeedctlError(error)) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !/^E[A-Z]+$/.test(code)) return error;
  return new FeedctlError(code === "ENOSPC" ? "full" : "unavailable", `the output cannot be written: ${message}`, {
    cause: error,
  });
}
