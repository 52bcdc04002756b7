import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import type { S3Config } from "../../src/stores/s3/config.ts";

/** An object of `FlatS3`. Tests may change it, as a damaged disk would. */
export interface FlatObject {
  body: Buffer;
  etag: string;
  /** The headers that a GET returns, such as `content-encoding` and `x-amz-meta-...`. */
  headers: Record<string, string>;
}

/** Anything a test wants answered otherwise. Undefined: as usual. */
type Answer = (request: IncomingMessage, url: URL) => { status: number; body?: string } | undefined;

/**
 * A small S3 server in this process. Its names are flat, as those of Amazon are: `a//b`, `a/`, `a/../b` and names with
 * control characters are objects like any other, which servers that keep objects as files cannot hold.
 */
export interface FlatS3 extends AsyncDisposable {
  /** By bucket and name: `bucket/name`. */
  readonly objects: Map<string, FlatObject>;
  /** `GET /bucket/name`, in the order of the requests. */
  readonly requests: string[];
  put(name: string, body: string | Buffer, headers?: Record<string, string>): void;
  config(bucket: string, more?: Partial<S3Config>): S3Config;
}

/** Headers of a PUT that a GET returns. */
const KEPT =
  /^(x-amz-meta-.*|x-amz-storage-class|x-amz-tagging|content-(type|encoding|disposition|language)|cache-control|expires)$/;

/**
 * `nameOf`: the name under which the server keeps an object, as one that keeps objects as files has it; undefined: it
 * refuses the name with status 400.
 */
export async function startFlatS3(
  answer: Answer = () => undefined,
  { nameOf = (name) => name }: { nameOf?: (name: string) => string | undefined } = {},
): Promise<FlatS3> {
  const objects = new Map<string, FlatObject>();
  const requests: string[] = [];
  const put: FlatS3["put"] = (name, body, headers = {}) => {
    const bytes = Buffer.from(body);
    objects.set(name, { body: bytes, etag: `"${createHash("md5").update(bytes).digest("hex")}"`, headers });
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const [path = "", query = ""] = request.url!.split("?");
      const asked = decodeURIComponent(path.slice(1));
      const name = nameOf(asked);
      const url = new URL(`http://flat/?${query}`);
      requests.push(`${request.method} /${asked}`);
      const other = answer(request, url);
      if (other !== undefined) return response.writeHead(other.status).end(other.body ?? "");
      if (name === undefined) return response.writeHead(400).end("<Error><Code>InvalidRequest</Code></Error>");
      return handle({ request, response, name, query: url.searchParams, body: Buffer.concat(chunks) });
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function handle(call: Call): void {
    const { request, response, name, query, body } = call;
    if (query.has("list-type")) return void response.end(listing(name.replace(/\/$/, ""), query.get("prefix") ?? ""));
    if (query.has("uploads"))
      return void response.end(
        "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
      );
    if (query.has("delete")) {
      for (const [, key] of body.toString().matchAll(/<Key>(.*?)<\/Key>/gs))
        objects.delete(`${name.replace(/\/$/, "")}/${key}`);
      return void response.end("<DeleteResult></DeleteResult>");
    }
    if (request.method === "DELETE") return void (objects.delete(name), response.writeHead(204).end());
    const copied = request.headers["x-amz-copy-source"];
    if (request.method === "PUT") {
      const from =
        copied === undefined ? undefined : objects.get(decodeURIComponent(String(copied)).replace(/^\//, ""));
      if (copied !== undefined && from === undefined)
        return void response.writeHead(404).end("<Error><Code>NoSuchKey</Code></Error>");
      put(name, from?.body ?? body, kept(request));
      const { etag } = objects.get(name)!;
      response.setHeader("etag", etag);
      return void response.end(copied === undefined ? "" : `<CopyObjectResult><ETag>${etag}</ETag></CopyObjectResult>`);
    }
    const found = objects.get(name);
    if (found === undefined) return void response.writeHead(404).end("<Error><Code>NoSuchKey</Code></Error>");
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const whole = found.body;
    const part =
      range === null ? whole : whole.subarray(Number(range[1]), range[2] === "" ? undefined : Number(range[2]) + 1);
    const asksChecksums = request.headers["x-amz-checksum-mode"] === "ENABLED";
    const headers = Object.entries(found.headers).filter(
      ([each]) => asksChecksums || !each.startsWith("x-amz-checksum"),
    );
    response.writeHead(range === null ? 200 : 206, {
      ...Object.fromEntries(headers),
      etag: found.etag,
      "last-modified": new Date(0).toUTCString(),
      "content-length": part.length,
      ...(range !== null && {
        "content-range": `bytes ${range[1]}-${Number(range[1]) + part.length - 1}/${whole.length}`,
      }),
    });
    response.end(request.method === "HEAD" ? undefined : part);
  }

  function listing(bucket: string, prefix: string): string {
    const names = [...objects.keys()].filter((name) => name.startsWith(`${bucket}/${prefix}`));
    const contents = names
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map((name) => {
        const { body, etag, headers } = objects.get(name)!;
        const storageClass = headers["x-amz-storage-class"] ?? "STANDARD";
        const key = encodeURIComponent(name.slice(bucket.length + 1));
        return `<Contents><Key>${key}</Key><Size>${body.length}</Size><ETag>${etag}</ETag><StorageClass>${storageClass}</StorageClass><LastModified>1970-01-01T00:00:00Z</LastModified></Contents>`;
      });
    return `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${contents.join("")}</ListBucketResult>`;
  }

  return {
    objects,
    requests,
    put,
    config: (bucket, more) => ({
      type: "s3",
      bucket,
      endpoint,
      pathStyle: true,
      region: "us-east-1",
      accessKey: "AKIAFLAT",
      secretKey: "flat-secret",
      ...more,
    }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server whose objects have the tags that their `x-amz-tagging` header says, as S3 returns them. */
export async function startTaggedS3(): Promise<FlatS3> {
  const server = await startFlatS3(({ url = "" }, { searchParams }) => {
    if (!searchParams.has("tagging")) return undefined;
    const { headers } = server.objects.get(decodeURIComponent(url.split("?")[0]!.slice(1)))!;
    const tags = [...new URLSearchParams(headers["x-amz-tagging"])];
    const set = tags.map(([name, value]) => `<Tag><Key>${name}</Key><Value>${value}</Value></Tag>`).join("");
    return { status: 200, body: `<Tagging><TagSet>${set}</TagSet></Tagging>` };
  });
  return server;
}

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  /** Bucket and key. */
  name: string;
  query: URLSearchParams;
  body: Buffer;
}

function kept({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => KEPT.test(name))) as Record<string, string>;
}
