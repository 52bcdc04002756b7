import { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { SILENCE_MS } from "./call.ts";
import { interrupted } from "../shared/signal.ts";

const MIB = 1024 * 1024;

/** How often one read may lose its connection and go on where it was. */
const MAX_RESUMES = 4;

export interface ResumingRead {
  /** Bytes that must come in all. */
  size: number;
  /** The body of the first answer. */
  first: Readable;
  /** Opens the rest of the very same content, or rejects with a `FeedctlError`. */
  reopen(received: number): Promise<Readable>;
  /** The message's first half. */
  doing: string;
  signal: AbortSignal | undefined;
}

/**
 * Delivers a blob over several connections if need be. The SDK's own resuming reader gives up on a connection that is
 * cut (it takes the cut for an abort), so it is told not to try and this does it instead.
 */
export function resumingRead({ size, first, reopen, doing, signal }: ResumingRead): Readable {
  let received = 0;
  let resumes = 0;
  let body: Readable | undefined;
  // A consumer may take as long as it likes; only while it waits for bytes does silence count.
  let waiting = true;
  const silence = setTimeout(() => {
    if (waiting) body?.destroy(new Error(`silent for ${SILENCE_MS / 1000} s`));
  }, SILENCE_MS).unref();
  const interrupt = () => stream.destroy(interrupted(signal?.reason));

  const stream = new Readable({
    highWaterMark: MIB,
    read() {
      waiting = true;
      silence.refresh();
      body?.resume();
    },
    destroy(error, callback) {
      clearTimeout(silence);
      signal?.removeEventListener("abort", interrupt);
      body?.destroy();
      callback(error);
    },
  });

  const broken = async (error: Error): Promise<void> => {
    body?.destroy();
    body = undefined;
    if (stream.destroyed) return;
    if (resumes++ >= MAX_RESUMES) {
      const why = `the connection broke after ${received} of ${size} bytes (${error.message})`;
      stream.destroy(new FeedctlError("unavailable", `${doing}: ${why}`));
      return;
    }
    try {
      attach(await reopen(received));
    } catch (failure) {
      stream.destroy(failure as Error);
    }
  };

  const attach = (next: Readable): void => {
    body = next;
    // An aborted body may complain after it was given up.
    next.on("error", (error) => void (next === body && broken(error)));
    if (stream.destroyed) {
      next.destroy();
      return;
    }
    silence.refresh();
    next.on("data", (chunk: Buffer) => {
      if (next !== body) return;
      received += chunk.length;
      if (received > size) {
        stream.destroy(new FeedctlError("corrupt", `${doing}: more bytes than the ${size} that were announced`));
        return;
      }
      silence.refresh();
      if (stream.push(chunk)) return;
      waiting = false;
      next.pause();
    });
    next.on("end", () => {
      if (next !== body) return;
      if (received < size) void broken(new Error("too few bytes"));
      else stream.push(null);
    });
  };

  signal?.addEventListener("abort", interrupt, { once: true });
  attach(first);
  if (signal?.aborted === true) interrupt();
  return stream;
}
