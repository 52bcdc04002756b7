import { systemCode, unnamedMessage } from "../../lib/files/system-code.ts";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { isDiskFull } from "../../lib/files/disk-full.ts";

/** Translates an error of writing to stdout, such as a full disk. A closed pipe ends the process in bin/feedctl.js. */
export function outputError(error: unknown): unknown {
  if (isFeedctlError(error)) return error;
  if (systemCode(error) === undefined) return error;
  const message = unnamedMessage(error) ?? (error as Error).message;
  return new FeedctlError(isDiskFull(error) ? "full" : "unavailable", `the output cannot be written: ${message}`, {
    cause: error,
  });
}
