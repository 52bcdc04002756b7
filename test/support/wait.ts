import { setTimeout as sleep } from "node:timers/promises";
import type { RunningFeedctl } from "./feedctl.ts";

/** Far more than a busy machine needs, and less than a test has: it ends what hangs, and decides nothing else. */
export const PATIENCE = 240_000;

/**
 * Looks again and again until it is so. Rejects as soon as `running`, which should bring it about, has ended, and when
 * it hangs; then with what feedctl said.
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
