import { FeedctlError } from "../../errors.ts";
import type { AzureTarget } from "./errors.ts";
import { translateAzureError } from "./errors.ts";
import { throwIfInterrupted } from "../shared/signal.ts";

/** A host that says nothing for this long is given up. Retries inside the SDK count as one call. */
export const SILENCE_MS = 60_000;

/**
 * Runs one SDK call: `work` gets a signal that follows the caller's and also fires after a minute of silence, and a
 * function that tells of progress. What it throws is translated; `doing` is the message's first half.
 */
export type AzureCall = <T>(
  doing: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal, progressed: () => void) => Promise<T>,
  /** Longer than a minute of silence, where that is no sign of trouble. */
  silence?: number,
) => Promise<T>;

export function createAzureCall(target: AzureTarget): AzureCall {
  return async (doing, signal, work, silence = SILENCE_MS) => {
    const isStopped = () => signal?.aborted === true;
    throwIfInterrupted(signal);
    const controller = new AbortController();
    const follow = () => controller.abort();
    signal?.addEventListener("abort", follow, { once: true });
    let silent = false;
    const timer = setTimeout(() => {
      silent = true;
      controller.abort();
    }, silence);
    try {
      return await work(controller.signal, () => timer.refresh());
    } catch (error) {
      if (silent && !isStopped()) {
        throw new FeedctlError("unavailable", `${doing}: ${target.host} was silent for ${silence / 1000} s`);
      }
      throw translateAzureError(error, doing, target, signal);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", follow);
    }
  };
}
