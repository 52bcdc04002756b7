// The only file that loads undici: one pool of connections, for our own requests and for those that an SDK hands over.
// Nothing is tried again here. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are undici's to read.
import type { Readable } from "node:stream";
import { type Dispatcher, EnvHttpProxyAgent } from "undici";
import { FeedctlError } from "../../errors.ts";

export interface HttpRequest {
  /** `https://host:port`. */
  origin: string;
  method: string;
  /** With its query, encoded as it is to be sent. */
  path: string;
  headers: Record<string, string>;
  body?: Uint8Array | undefined;
  /** Instead of the client's own patience, in milliseconds. */
  silence?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  status: number;
  /** Names in lower case; of one that came several times the values joined with ", ". */
  headers: Record<string, string>;
  /** To be read to its end, discarded or destroyed: it holds its connection. Its errors are for `networkError`. */
  body: Readable;
  /** Reads the body to its end; a long one is cut off. */
  discard(): Promise<void>;
}

export interface HttpClient {
  /** Rejects when no answer comes, with what `networkError` makes of it. An answer of any status is a success. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Cuts every connection. */
  close(): Promise<void>;
}

const CONNECTIONS = 256;
/** A server may be silent for so many milliseconds before it counts as gone; a reader who pauses does not count. */
const SILENCE_MS = 60_000;
/** Larger bodies are written in pieces of this size, so that silence is measured by the piece. */
const PIECE = 256 * 1024;

/** Connects to nothing yet. Rejects with `usage` when the environment names a proxy that is none. */
export function openHttp(silence = SILENCE_MS): HttpClient {
  const agent = openAgent(silence);
  return {
    async send({ origin, method, path, headers, body, silence: patience, signal }) {
      const request = {
        origin,
        method,
        path,
        headers,
        // undici takes any iterable, though its types do not say so.
        body: body === undefined ? null : body.length <= PIECE ? body : (piecesOf(body) as unknown as Readable),
        signal: signal ?? null,
        ...(patience !== undefined && { headersTimeout: patience, bodyTimeout: patience }),
      };
      const answer = await agent.request(request).catch((error: unknown) => {
        throw networkError(error);
      });
      // Told to whoever reads; a body that nobody reads any more must not end the process.
      answer.body.on("error", () => {});
      return {
        status: answer.statusCode,
        headers: joined(answer.headers),
        body: answer.body,
        discard: () => answer.body.dump({ limit: PIECE }),
      };
    },
    close: () => agent.destroy(),
  };
}

function openAgent(silence: number): Dispatcher {
  try {
    return new EnvHttpProxyAgent({
      connections: CONNECTIONS,
      allowH2: false,
      headersTimeout: silence,
      bodyTimeout: silence,
      connect: { timeout: 10_000 },
    });
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error;
    // Without its cause, which quotes the proxy's URL, password and all.
    throw new FeedctlError("usage", "the HTTP proxy of the environment is no URL", {
      hint: "correct HTTP_PROXY and HTTPS_PROXY, such as http://proxy.example.com:3128",
    });
  }
}

function joined(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  for (const name in headers)
    if (typeof headers[name] !== "string")
      return Object.fromEntries(Object.entries(headers).map(([each, value]) => [each, [value].flat().join(", ")]));
  return headers as Record<string, string>;
}

async function* piecesOf(body: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < body.length; offset += PIECE) yield body.subarray(offset, offset + PIECE);
}

/** undici's errors under the names that Node has for them, which the SDK and the translation of errors know. */
export function networkError(error: unknown): unknown {
  const { code = "", message = "" } = (error ?? {}) as { code?: string; message?: string };
  if (/^UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT$/.test(code))
    return Object.assign(new Error(message, { cause: error }), { name: "TimeoutError", code: "ETIMEDOUT" });
  if (code === "UND_ERR_SOCKET" || code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH")
    return Object.assign(new Error(message, { cause: error }), { code: "ECONNRESET" });
  return error;
}
