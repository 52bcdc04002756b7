import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ContainerClient } from "@azure/storage-blob";
import type { Azurite } from "./azurite.ts";

/** The error that the stand-in responds with: a status, Azure's error code, and further headers. */
export interface Refusal {
  status: number;
  code: string;
  headers?: Record<string, string>;
  body?: string;
}

/** One request with a source URL. */
export interface Fetching {
  kind: "put" | "block";
  source: string;
  range: string | undefined;
  ifMatch: string | undefined;
  headers: IncomingHttpHeaders;
}

export interface FetchingAzure {
  connectionString: string;
  container: string;
  client: ContainerClient;
  fetched: Fetching[];
  /** As long as it is set, the response to every request with a source. */
  refusal: Refusal | undefined;
  /**
   * Whether it sends the source a precondition on the version, as Azure does for its own blobs; S3 sources refuse it.
   */
  asksForVersion: boolean;
  stop(): Promise<void>;
}

/**
 * Azurite with a stand-in for the two requests that it lacks: Put Blob From URL and Put Block From URL. The stand-in
 * really fetches the URL and stores the content as a blob or block in Azurite. All other requests are forwarded.
 */
export async function startFetchingAzure(azurite: Azurite): Promise<FetchingAzure> {
  const container = `test-${randomUUID()}`;
  const client = await azurite.createContainer(container);
  const endpoint = new URL(/BlobEndpoint=([^;]+)/.exec(azurite.connectionString)![1]!);
  const server = createServer((incoming, outgoing) => {
    const source = incoming.headers["x-ms-copy-source"];
    const isCopy = incoming.headers["x-ms-requires-sync"] !== undefined;
    if (typeof source !== "string" || isCopy) pass(endpoint, incoming, outgoing);
    else {
      incoming.resume();
      fetchFor(opened, incoming, source).then(
        ({ status, code, headers, body }) => {
          outgoing.writeHead(status, { ...(code !== "" && { "x-ms-error-code": code }), ...headers }).end(body);
        },
        () => outgoing.destroy(),
      );
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const opened: FetchingAzure = {
    connectionString: azurite.connectionString.replace(endpoint.host, `127.0.0.1:${port}`),
    container,
    client,
    fetched: [],
    refusal: undefined,
    asksForVersion: true,
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return opened;
}

function pass({ hostname, port }: URL, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { url: path, method, headers } = incoming;
  const onward = forward({ hostname, port, path, method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode!, answer.rawHeaders);
    answer.pipe(outgoing);
  });
  onward.on("error", () => outgoing.destroy());
  incoming.pipe(onward);
}

async function fetchFor(azure: FetchingAzure, { url, headers }: IncomingMessage, source: string): Promise<Refusal> {
  const text = (name: string) => headers[name] as string | undefined;
  const { pathname, searchParams } = new URL(url!, "http://x");
  const kind = searchParams.get("comp") === "block" ? "block" : "put";
  const [range, ifMatch] = [text("x-ms-source-range"), text("x-ms-source-if-match")];
  azure.fetched.push({ kind, source, range, ifMatch, headers });
  if (azure.refusal !== undefined) return azure.refusal;
  const answer = await fetch(source, {
    headers: {
      ...(range !== undefined && { range }),
      ...(azure.asksForVersion && ifMatch !== undefined && { "if-match": ifMatch }),
    },
  });
  if (answer.status === 412) return { status: 412, code: "SourceConditionNotMet" };
  if (!answer.ok) {
    const status = String(answer.status);
    const code = "CannotVerifyCopySource";
    return { status: answer.status, code, headers: { "x-ms-copy-source-status-code": status } };
  }
  const bytes = Buffer.from(await answer.arrayBuffer());
  const md5 = createHash("md5").update(bytes).digest();
  const promised = text("x-ms-source-content-md5");
  if (promised !== undefined && promised !== md5.toString("base64")) return { status: 400, code: "Md5Mismatch" };
  const blob = azure.client.getBlockBlobClient(decodeURIComponent(pathname).split("/").slice(3).join("/"));
  if (kind === "block") {
    await blob.stageBlock(searchParams.get("blockid")!, bytes, bytes.length);
    return { status: 201, code: "" };
  }
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith("x-ms-meta-")) metadata[name.slice("x-ms-meta-".length)] = String(value);
  }
  const stored = text("x-ms-blob-content-md5");
  const put = await blob
    .upload(bytes, bytes.length, {
      metadata,
      conditions: { ...(headers["if-none-match"] !== undefined && { ifNoneMatch: headers["if-none-match"] }) },
      blobHTTPHeaders: {
        blobContentType: text("x-ms-blob-content-type")!,
        blobCacheControl: text("x-ms-blob-cache-control")!,
        ...(stored !== undefined && { blobContentMD5: Buffer.from(stored, "base64") }),
      },
    })
    .catch((error: { statusCode: number; code: string }) => error);
  if ("code" in put) return { status: put.statusCode, code: put.code };
  return { status: 201, code: "", headers: { etag: (put as { etag: string }).etag } };
}
