import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** Slows streams down, all that pass through it together. */
export type Throttle = (stream: Readable) => Readable;

/** Lets so many bytes per second pass; what was not used in a pause is not saved up. */
export function createThrottle(bytesPerSecond: number, signal: AbortSignal): Throttle {
  /** When all bytes that have passed so far are paid for. */
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
