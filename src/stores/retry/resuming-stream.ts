import { Readable } from "node:stream";
import type { Attempts } from "./recovery.ts";
import type { BlobInfo, ByteRange, CallOptions, GetOptions } from "../store.ts";

/** The inner stream reads ahead by itself; this much more keeps a slow consumer from stalling it. */
const READ_AHEAD = 1024 * 1024;

interface Wanted extends CallOptions {
  range?: ByteRange | undefined;
}

/**
 * `first`, a stream of the very version `known`, which goes on at the right byte when it breaks. `open` is asked for
 * the rest of that version only: where the blob is another one by now, it rejects, and so never makes a mixture.
 */
export function resumingStream(
  open: (options: GetOptions) => Promise<Readable>,
  known: BlobInfo,
  first: Readable,
  { range, signal }: Wanted,
  { recover, succeeded }: Attempts,
): Readable {
  const end = Math.min(range?.end ?? known.size, known.size);
  let position = range?.start ?? 0;
  let stream = adopt(first);
  let chunks = stream[Symbol.asyncIterator]();

  const next = async (): Promise<Buffer | null> => {
    let broken = false;
    for (;;) {
      try {
        if (broken) {
          // A stream may break after its last byte: then there is nothing left to ask for.
          if (position >= end) return null;
          stream = adopt(await open({ range: { start: position, end }, known, signal }));
          chunks = stream[Symbol.asyncIterator]();
          broken = false;
        }
        const { value, done } = (await chunks.next()) as IteratorResult<Buffer, undefined>;
        if (done) return null;
        position += value.length;
        succeeded();
        return value;
      } catch (error) {
        await recover(error, signal);
        stream.destroy();
        broken = true;
      }
    }
  };

  return new Readable({
    highWaterMark: READ_AHEAD,
    read() {
      next().then(
        (chunk) => {
          // Destroyed while a new stream was being opened: nobody else would close it.
          if (this.destroyed) stream.destroy();
          else this.push(chunk);
        },
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, callback) {
      stream.destroy();
      callback(error);
    },
  });
}

/** An error that comes while nobody is reading is found by the next read instead of ending the process. */
function adopt(stream: Readable): Readable {
  return stream.on("error", () => {});
}
