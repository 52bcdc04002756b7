import { Readable } from "node:stream";
import { FeedctlError } from "../errors.ts";
import type { Recover } from "./retry.ts";
import type { BlobInfo, ByteRange, CallOptions, Store } from "./store.ts";

/** The inner stream reads ahead by itself; this much more keeps a slow consumer from stalling it. */
const READ_AHEAD = 1024 * 1024;

interface GetOptions extends CallOptions {
  range?: ByteRange | undefined;
}

/**
 * `first`, a stream of the blob `before`, which goes on at the right byte when it breaks. The tag of the blob was taken
 * before the first byte and is compared after each new stream is open: if it differs, the bytes would be a mixture of
 * two blobs, and the stream errors with `corrupt`.
 */
export function resumingStream(
  store: Store,
  before: BlobInfo,
  first: Readable,
  { range, signal }: GetOptions,
  { recover, succeeded }: { recover: Recover; succeeded: () => void },
): Readable {
  const end = Math.min(range?.end ?? before.size, before.size);
  let position = range?.start ?? 0;
  let stream = adopt(first);
  let chunks = stream[Symbol.asyncIterator]();

  const reopen = async (): Promise<void> => {
    // A stream may break after its last byte: then there is nothing left to ask for, only to check.
    if (position < end) {
      stream = adopt(await store.get(before.key, { range: { start: position, end }, signal }));
      chunks = stream[Symbol.asyncIterator]();
    }
    const now = await store.head(before.key, { signal });
    if (now?.tag === before.tag) return;
    stream.destroy();
    throw new FeedctlError("corrupt", `${before.key} in ${store.name} was changed while it was being read`);
  };

  const next = async (): Promise<Buffer | null> => {
    let broken = false;
    for (;;) {
      try {
        if (broken) await reopen();
        if (broken && position >= end) return null;
        broken = false;
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
