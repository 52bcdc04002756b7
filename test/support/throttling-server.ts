import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface ThrottlingServer {
  readonly endpoint: string;
  /** How many requests it serves at once; further ones are refused. */
  limit: number;
  /** For every request, in order of arrival: how many were open at that moment, including itself. */
  readonly crowds: number[];
  /** The paths that were stored. */
  readonly stored: ReadonlySet<string>;
  refused(): number;
  stop(): void;
}

/** The responses with which S3 and Azure throttle. */
const refusals = {
  s3(response: ServerResponse) {
    response.writeHead(503, { "content-type": "application/xml" });
    response.end("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>");
  },
  azure(response: ServerResponse) {
    response.writeHead(503, { "x-ms-error-code": "ServerBusy" }).end();
  },
};

/** Starts a fake server that accepts puts, remembers only their paths, and refuses requests beyond the limit. */
export async function startThrottlingServer(kind: keyof typeof refusals, limit: number): Promise<ThrottlingServer> {
  const crowds: number[] = [];
  const stored = new Set<string>();
  let inside = 0;
  let refused = 0;

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    crowds.push(++inside);
    const tooMany = inside > server.limit;
    await request.resume().toArray();
    await sleep(tooMany ? 1 : 10);
    inside--;
    if (tooMany) {
      refused++;
      return refusals[kind](response);
    }
    stored.add(new URL(request.url ?? "", server.endpoint).pathname);
    response.writeHead(kind === "s3" ? 200 : 201, { etag: '"1"', "last-modified": new Date().toUTCString() }).end();
  };

  const listener = createServer((request, response) => void serve(request, response));
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const server: ThrottlingServer = {
    endpoint: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    limit,
    crowds,
    stored,
    refused: () => refused,
    stop() {
      listener.closeAllConnections();
      listener.close();
    },
  };
  return server;
}
