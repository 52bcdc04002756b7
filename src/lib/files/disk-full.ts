import { systemCode } from "./system-code.ts";

/** Node's names of "no space is left" and "the quota is used up". */
const NAMES = new Set(["ENOSPC", "EDQUOT"]);
/** How PostgreSQL quotes the system, and how PGlite's file system does, which has no other words. */
const WORDS = /No space left on device|Dis[ck] quota exceeded|\bENOSPC\b|\bEDQUOT\b/;

/** Whether an error, or one of its causes, says that a disk is full or a quota used up. */
export function isDiskFull(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (NAMES.has(systemCode(cause) ?? "")) return true;
    if (WORDS.test(cause.message)) return true;
  }
  return false;
}
