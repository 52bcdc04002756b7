import { FeedctlError } from "../../errors.ts";

export function interrupted(cause?: unknown): FeedctlError {
  return new FeedctlError("interrupted", "stopped by the user", { cause });
}

/** Throws `interrupted` when the signal is aborted. */
export function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interrupted(signal.reason);
}
