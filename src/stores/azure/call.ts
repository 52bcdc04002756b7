import { FeedctlError } from "../../errors.ts";
import type { AzureTarget } from "./errors.ts";
import { translateAzureError } from "./errors.ts";
import { throwIfInterrupted } from "../shared/signal.ts";

/** The silence timeout of a call in milliseconds. The SDK's own retries are part of the call. */
export const SILENCE_MS = 60_000;

/**
 * Runs one SDK call. Passes `work` a signal that is aborted with the caller's or after the silence timeout, and a
 * function that restarts the timeout. Errors are translated; `doing` begins their message.
 */
export type AzureCall = <T>(
  doing: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal, progressed: () => void) => Promise<T>,
  /** Overrides the silence timeout, for calls that Azure needs long to answer. */
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
