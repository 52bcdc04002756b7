import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** Limits the total rate of all streams that it wraps. */
export type Throttle = (stream: Readable) => Readable;

/** Rate that is not used during a pause is not saved up. */
export function createThrottle(bytesPerSecond: number, signal: AbortSignal): Throttle {
  /** The time at which all bytes so far fit into the rate. */
  let paid = 0;

  async function* slowly(stream: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const now = performance.now();
      paid = Math.max(paid, now) + (chunk.length / bytesPerSecond) * 1000;
      await sleep(paid - now, undefined, { signal });
      yield chunk;
    }
  }

  return (stream) => Readable.from(slowly(stream), { objectMode: false });
}
