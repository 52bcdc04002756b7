// The only file that loads undici: one connection pool for our own requests and those of an SDK. Nothing is retried
// here. undici reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
import type { Readable } from "node:stream";
import { type Dispatcher, EnvHttpProxyAgent } from "undici";
import { FeedctlError } from "../../errors.ts";
import { receive, type HttpAnswer, type HttpRequest } from "./http-response.ts";

export type { HttpAnswer, HttpRequest };

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
    async send({ origin, method, path, headers, body, silence: patience, whole, signal }) {
      const request = {
        origin,
        method,
        path,
        headers,
        // undici accepts any iterable, though its types do not say so.
        body: body === undefined ? null : body.length <= PIECE ? body : (piecesOf(body) as unknown as Readable),
        ...(patience !== undefined && { headersTimeout: patience, bodyTimeout: patience }),
      };
      const { answer, handler } = receive({ method, whole }, signal);
      agent.dispatch(request, handler);
      return answer.catch((error: unknown) => {
        throw networkError(error);
      });
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
