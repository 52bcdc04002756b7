import { once } from "node:events";
import { createServer, request as forward, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ProxiedRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  /** Status of the response; undefined until it is sent. */
  status?: number | undefined;
}

export interface S3Proxy {
  readonly endpoint: string;
  /** All requests since the start, or since a test emptied it. */
  readonly seen: ProxiedRequest[];
  /** Returns a function to handle a request instead of the server; that function may leave it without a response. */
  intercept: ((request: ProxiedRequest) => ((answer: ServerResponse) => void) | undefined) | undefined;
  stop(): Promise<void>;
}

/**
 * A proxy for a real S3 server, which records requests and can intercept single ones. It forwards the host name that
 * the client signed, so signatures stay valid.
 */
export async function startS3Proxy(endpoint: string): Promise<S3Proxy> {
  const { hostname, port } = new URL(endpoint);
  const server = createServer((incoming, answer) => {
    const { method = "", url = "", headers } = incoming;
    const one: ProxiedRequest = { method, url, headers };
    proxy.seen.push(one);
    answer.once("finish", () => (one.status = answer.statusCode));
    const handler = proxy.intercept?.(one);
    if (handler !== undefined) {
      incoming.resume().once("end", () => handler(answer));
      return;
    }
    const outgoing = forward({ hostname, port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
      response.pipe(answer);
    });
    outgoing.once("error", () => answer.destroy());
    incoming.once("close", () => incoming.complete || outgoing.destroy());
    incoming.pipe(outgoing);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const proxy: S3Proxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    intercept: undefined,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}

/** Responds with an S3 error. */
export function s3Problem(status: number, code: string): (answer: ServerResponse) => void {
  return (answer) =>
    void answer
      .writeHead(status, { "content-type": "application/xml" })
      .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>words of the proxy</Message></Error>`);
}
