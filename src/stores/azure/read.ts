import { Readable } from "node:stream";
import { FeedctlError } from "../../errors.ts";
import { SILENCE_MS } from "./call.ts";
import { interrupted } from "../shared/signal.ts";

const MIB = 1024 * 1024;

/** How often one read may lose its connection and resume. */
const MAX_RESUMES = 4;

export interface ResumingRead {
  /** Bytes of the whole read. */
  size: number;
  /** The body of the first response. */
  first: Readable;
  /** Opens the rest of the same version, or rejects with a `FeedctlError`. */
  reopen(received: number): Promise<Readable>;
  /** Begins the message of an error. */
  doing: string;
  signal: AbortSignal | undefined;
}

/**
 * A stream of a blob that resumes over a new connection when one breaks. It replaces the SDK's own resuming reader,
 * which mistakes a broken connection for an abort.
 */
export function resumingRead({ size, first, reopen, doing, signal }: ResumingRead): Readable {
  let received = 0;
  let resumes = 0;
  let body: Readable | undefined;
  // The silence timeout only applies while the consumer waits for bytes.
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
    // Ignores errors of a body that was replaced.
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
        stream.destroy(new FeedctlError("corrupt", `${doing}: more than the announced ${size} bytes arrived`));
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
