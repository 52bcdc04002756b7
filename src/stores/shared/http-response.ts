import { Readable } from "node:stream";
import type { Dispatcher } from "undici";

/** Bodies that are announced to be at most this long are read before the response is handed over, in bytes. */
const SHORT = 256 * 1024;

export interface HttpRequest {
  /** `https://host:port`. */
  origin: string;
  method: string;
  /** With the query, already encoded. */
  path: string;
  headers: Record<string, string>;
  body?: Uint8Array | undefined;
  /** Overrides the client's silence timeout, in milliseconds. */
  silence?: number | undefined;
  /** Whether to read a short body before the response is handed over. Default: not of a GET. */
  whole?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  status: number;
  /** Names in lower case. The values of a repeated header are joined with ", ". */
  headers: Record<string, string>;
  /**
   * Occupies its connection until it is read to its end, discarded or destroyed. Pass its errors through
   * `networkError`.
   */
  readonly body: Readable;
  /** The whole body, if it was read already. */
  bytes?: Buffer | undefined;
  /** Reads and drops the body, and closes the connection instead if the body is long. */
  discard(): Promise<void>;
}

export interface Receiver {
  /** Resolves with the response; rejects with the error of undici, or the reason of the signal. */
  readonly answer: Promise<HttpAnswer>;
  readonly handler: Dispatcher.DispatchHandler;
}

/**
 * Receives one response. With `whole` a short body is collected: a stream for each would cost more than the rest of a small
 * request. Otherwise, and if it is longer or of unknown length, the body is a stream that pauses the connection while
 * nobody reads.
 */
export function receive(
  { method, whole = method !== "GET" }: Pick<HttpRequest, "method" | "whole">,
  signal: AbortSignal | undefined,
): Receiver {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  let status = 0;
  let ended = false;
  let headers: Record<string, string> = {};
  let stream: Readable | undefined;
  let controller: Dispatcher.DispatchController | undefined;
  let reason: Error | undefined;
  const chunks: Buffer[] = [];
  const abort = (error: Error) => {
    reason = error;
    reject(error);
    controller?.abort(error);
  };
  const leave = signal === undefined ? () => {} : onAbort(signal, abort);
  return {
    answer: promise,
    handler: {
      onRequestStart(started) {
        controller = started;
        if (reason !== undefined) started.abort(reason);
      },
      onResponseStart(_controller, statusCode, given) {
        if (statusCode < 200) return; // an interim response
        status = statusCode;
        headers = joined(given);
        if (method === "HEAD" || (whole && Number(headers["content-length"] ?? Infinity) <= SHORT)) return;
        stream = new Readable({
          read: () => controller?.resume(),
          destroy(error, callback) {
            if (!ended) controller?.abort(error ?? new Error("the body was not read to its end"));
            callback(error);
          },
        });
        // The reader gets the error anyway. Without a listener, an abandoned body that fails would end the process.
        stream.on("error", () => {});
        resolve({ status, headers, body: stream, discard: discarding(stream) });
      },
      onResponseData(_controller, chunk) {
        if (stream === undefined) chunks.push(chunk);
        else if (!stream.push(chunk)) controller?.pause();
      },
      onResponseEnd() {
        leave();
        ended = true;
        if (stream === undefined) return resolve(collected(status, headers, chunks));
        stream.push(null);
      },
      onResponseError(_controller, error) {
        leave();
        ended = true;
        if (stream === undefined) reject(error);
        else stream.destroy(error);
      },
    },
  };
}

function collected(status: number, headers: Record<string, string>, chunks: readonly Buffer[]): HttpAnswer {
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  let body: Readable | undefined;
  return {
    status,
    headers,
    bytes,
    get body() {
      return (body ??= Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false }));
    },
    discard: async () => {},
  };
}

/** Reads what is left, and gives up after `SHORT` bytes. */
function discarding(stream: Readable): () => Promise<void> {
  return async () => {
    let left = SHORT;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) if ((left -= chunk.length) < 0) break;
    } catch {
      // nobody wants these bytes
    }
  };
}

const waiting = new WeakMap<AbortSignal, Set<(reason: Error) => void>>();

/** Calls `abort` when the signal is aborted, until the result is called. One listener serves all requests of a signal. */
function onAbort(signal: AbortSignal, abort: (reason: Error) => void): () => void {
  if (signal.aborted) abort(signal.reason as Error);
  let all = waiting.get(signal);
  if (all === undefined) {
    const requests = new Set<(reason: Error) => void>();
    waiting.set(signal, (all = requests));
    signal.addEventListener("abort", () => {
      for (const each of requests) each(signal.reason as Error);
    });
  }
  const set = all.add(abort);
  return () => set.delete(abort);
}

function joined(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  for (const name in headers)
    if (typeof headers[name] !== "string")
      return Object.fromEntries(Object.entries(headers).map(([each, value]) => [each, [value].flat().join(", ")]));
  return headers as Record<string, string>;
}
