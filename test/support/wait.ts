import { setTimeout as sleep } from "node:timers/promises";
import type { RunningFeedctl } from "./feedctl.ts";

/** Timeout in milliseconds: far longer than a busy machine needs, and shorter than a test's. It only ends a hang. */
export const PATIENCE = 240_000;

/**
 * Polls until a condition holds. Rejects, with the output of feedctl, when `running`, which should cause the condition,
 * ends before, and on a timeout.
 */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  running?: RunningFeedctl,
): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  const said = () => (running === undefined ? "" : `; feedctl said:\n${running.said()}`);
  for (;;) {
    const ended = running !== undefined && (running.child.exitCode ?? running.child.signalCode) !== null;
    if (await isSo()) return;
    if (ended) throw new Error(`feedctl ended before this: ${what}${said()}`);
    if (performance.now() > deadline) throw new Error(`this never came: ${what}${said()}`);
    await sleep(50);
  }
}
