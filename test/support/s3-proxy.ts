import { once } from "node:events";
import { createServer, request as forward, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ProxiedRequest {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  /** Of the answer that went back; undefined as long as there is none. */
  status?: number | undefined;
}

export interface S3Proxy {
  readonly endpoint: string;
  /** All requests since the start, or since somebody emptied it. */
  readonly seen: ProxiedRequest[];
  /** Whether a request is taken from the server: then `answer` has it, and may leave it without an answer. */
  intercept: ((request: ProxiedRequest) => ((answer: ServerResponse) => void) | undefined) | undefined;
  stop(): Promise<void>;
}

/**
 * Stands before a real S3 server, counts what passes, and takes single requests away from it. The server sees the name
 * that the client signed, so that signatures stay good.
 */
export async function startS3Proxy(endpoint: string): Promise<S3Proxy> {
  const { hostname, port } = new URL(endpoint);
  const server = createServer((incoming, answer) => {
    const { method = "", url = "", headers } = incoming;
    const one: ProxiedRequest = { method, url, headers };
    proxy.seen.push(one);
    answer.once("finish", () => (one.status = answer.statusCode));
    const taken = proxy.intercept?.(one);
    if (taken !== undefined) {
      incoming.resume().once("end", () => taken(answer));
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

/** An answer that is an error of S3's. */
export function s3Problem(status: number, code: string): (answer: ServerResponse) => void {
  return (answer) =>
    void answer
      .writeHead(status, { "content-type": "application/xml" })
      .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>words of the proxy</Message></Error>`);
}
