import { Readable } from "node:stream";
import type { Attempts } from "./recovery.ts";
import { heldBack } from "../known-hash.ts";
import type { BlobInfo, ByteRange, CallOptions, GetOptions } from "../store.ts";
import type { HashCheck } from "../hash-check.ts";

/** Bytes buffered beyond the inner stream's own buffer, so that a slow consumer does not stall it. */
const READ_AHEAD = 1024 * 1024;

interface Wanted extends CallOptions {
  range?: ByteRange | undefined;
  /** Compares the bytes. The last chunk is held back until they are proven. */
  check?: HashCheck | undefined;
}

/**
 * A stream that starts with `first`, a stream of the version `known`, and resumes at the right byte when it fails.
 * `open` is called with `known` for the rest and rejects if the blob has changed, so that two versions never mix.
 */
export function resumingStream(
  open: (options: GetOptions) => Promise<Readable>,
  known: BlobInfo,
  first: Readable,
  { range, signal, check }: Wanted,
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
          // A stream may fail after its last byte: then nothing is left to request.
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

  const read = check === undefined ? next : heldBack(next, check);

  return new Readable({
    highWaterMark: READ_AHEAD,
    read() {
      read().then(
        (chunk) => {
          // This stream was destroyed while the inner one was being opened, so `destroy` could not close it.
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

/** Adds an error listener: an error between two reads is thrown by the next read and does not end the process. */
function adopt(stream: Readable): Readable {
  return stream.on("error", () => {});
}
