// The only file that loads undici: one connection pool for our own requests and those of an SDK. Nothing is retried
// here. undici reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
import type { Readable } from "node:stream";
import { type Dispatcher, EnvHttpProxyAgent } from "undici";
import { FeedctlError } from "../../errors.ts";

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
  body: Readable;
  /** Reads and drops the body, and closes the connection instead if the body is long. */
  discard(): Promise<void>;
}

export interface HttpClient {
  /** Resolves with a response of any status. Rejects without one, with an error that `networkError` has mapped. */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Closes every connection at once. */
  close(): Promise<void>;
}

const CONNECTIONS = 256;
/** How long a server may send nothing before the request fails. Time during which the reader pauses does not count. */
const SILENCE_MS = 60_000;
/** Larger bodies are written in pieces of this size, so that the silence timeout applies to each piece. */
const PIECE = 256 * 1024;

/** Opens no connection yet. Throws `usage` when the proxy in the environment is not a URL. */
export function openHttp(silence = SILENCE_MS): HttpClient {
  const agent = openAgent(silence);
  return {
    async send({ origin, method, path, headers, body, silence: patience, signal }) {
      const request = {
        origin,
        method,
        path,
        headers,
        // undici accepts any iterable, though its types do not say so.
        body: body === undefined ? null : body.length <= PIECE ? body : (piecesOf(body) as unknown as Readable),
        signal: signal ?? null,
        ...(patience !== undefined && { headersTimeout: patience, bodyTimeout: patience }),
      };
      const answer = await agent.request(request).catch((error: unknown) => {
        throw networkError(error);
      });
      // The reader gets the error anyway. Without a listener, an abandoned body that fails would end the process.
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
    // Without its cause, which quotes the proxy's URL with its password.
    throw new FeedctlError("usage", "the HTTP proxy of the environment is not a URL", {
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

/** Maps undici's errors to Node's names, which the SDK and the translation of errors expect. */
export function networkError(error: unknown): unknown {
  const { code = "", message = "" } = (error ?? {}) as { code?: string; message?: string };
  if (/^UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT$/.test(code))
    return Object.assign(new Error(message, { cause: error }), { name: "TimeoutError", code: "ETIMEDOUT" });
  if (code === "UND_ERR_SOCKET" || code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH")
    return Object.assign(new Error(message, { cause: error }), { code: "ECONNRESET" });
  return error;
}
