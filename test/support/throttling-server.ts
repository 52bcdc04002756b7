import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface ThrottlingServer {
  readonly endpoint: string;
  /** How many requests it serves at once; whoever comes too much is refused. */
  limit: number;
  /** Of every request, in order of arrival: how many were there at once, itself included. */
  readonly crowds: number[];
  /** The paths of what was stored. */
  readonly stored: ReadonlySet<string>;
  refused(): number;
  stop(): void;
}

/** As S3 and Azure refuse. */
const refusals = {
  s3(response: ServerResponse) {
    response.writeHead(503, { "content-type": "application/xml" });
    response.end("<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>");
  },
  azure(response: ServerResponse) {
    response.writeHead(503, { "x-ms-error-code": "ServerBusy" }).end();
  },
};

/** No store: it takes what is put, keeps its path only, and refuses what is too much. */
export async function startThrottlingServer(kind: keyof typeof refusals, limit: number): Promise<ThrottlingServer> {
  const crowds: number[] = [];
  const stored = new Set<string>();
  let inside = 0;
  let refused = 0;

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    crowds.push(++inside);
    const tooMany = inside > told.limit;
    await request.resume().toArray();
    await sleep(tooMany ? 1 : 10);
    inside--;
    if (tooMany) {
      refused++;
      return refusals[kind](response);
    }
    stored.add(new URL(request.url ?? "", told.endpoint).pathname);
    response.writeHead(kind === "s3" ? 200 : 201, { etag: '"1"', "last-modified": new Date().toUTCString() }).end();
  };

  const server = createServer((request, response) => void serve(request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const told: ThrottlingServer = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    limit,
    crowds,
    stored,
    refused: () => refused,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return told;
}
