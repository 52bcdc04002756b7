import { setTimeout as sleep } from "node:timers/promises";
import { FeedctlError } from "../../errors.ts";

export function interrupted(cause?: unknown): FeedctlError {
  return new FeedctlError("interrupted", "stopped by the user", { cause });
}

/** Waits. Rejects with `interrupted` when the signal is aborted. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
    throw interrupted(error);
  });
}

/** Throws `interrupted` when the signal is aborted. */
export function throwIfInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interrupted(signal.reason);
}
