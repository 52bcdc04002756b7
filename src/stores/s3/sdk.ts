// Connects the SDK with our own requests: it sends its requests over our connections, and finds the endpoint for ours.
import type { HeadObjectCommand, S3, S3ClientConfig } from "@aws-sdk/client-s3";
import { FeedctlError } from "../../errors.ts";
import type { HttpClient } from "../shared/http.ts";
import { isStale, type S3Endpoint, type SignedRequest } from "./send.ts";
import { encodeQuery } from "./sign.ts";

/** The members of the SDK's requests that are used here. */
interface SdkRequest {
  method: string;
  protocol: string;
  hostname: string;
  port?: number | undefined;
  path: string;
  query?: Record<string, string | null> | undefined;
  headers: Record<string, string>;
  body?: unknown;
}

/** The SDK's transport. It handles no streams, because feedctl passes whole bodies only. */
export function sdkHandler(
  http: HttpClient,
  resign: (request: SignedRequest) => Promise<Record<string, string>>,
): NonNullable<S3ClientConfig["requestHandler"]> {
  return {
    async handle(request: SdkRequest, { abortSignal }: { abortSignal?: unknown } = {}) {
      const query = encodeQuery(plainQuery(request.query));
      const { body, headers } = request;
      const { host: _, ...signed } = headers;
      const sent = await resign({ method: request.method, path: request.path, query, headers: signed });
      const answer = await http.send({
        origin: originOf(request),
        method: request.method,
        path: query === "" ? request.path : `${request.path}?${query}`,
        headers: sent,
        body: typeof body === "string" ? Buffer.from(body) : (body as Uint8Array | undefined),
        signal: abortSignal as AbortSignal | undefined,
      });
      return { response: { statusCode: answer.status, headers: answer.headers, body: answer.body } };
    },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  } as NonNullable<S3ClientConfig["requestHandler"]>;
}

function plainQuery(query: Record<string, string | null> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, value ?? ""]));
}

function originOf({ protocol, hostname, port }: SdkRequest): string {
  return new URL(`${protocol}//${hostname}${port === undefined ? "" : `:${port}`}`).origin;
}

/**
 * Lets the SDK build the request of `probe` (for an object whose key is one letter), reads the endpoint from it and
 * stops it before it is sent. So the SDK handles path style, dual-stack, FIPS, acceleration and access point aliases.
 */
export async function findEndpoint(client: S3, probe: HeadObjectCommand): Promise<S3Endpoint> {
  let found: S3Endpoint | undefined;
  probe.middlewareStack.add(
    (_next, context) => async (input) => {
      const request = input.request as SdkRequest;
      const schemes = context.endpointV2?.properties?.["authSchemes"] as { name: string }[] | undefined;
      const scheme = schemes?.find(({ name }) => name === "sigv4") as Record<string, string> | undefined;
      if (scheme !== undefined) {
        const { signingRegion = "", signingName = "s3" } = scheme;
        const origin = originOf(request);
        const path = request.path.slice(0, -1);
        found = { origin, host: new URL(origin).host, path, region: signingRegion, service: signingName };
      }
      return { output: { $metadata: {} }, response: {} };
    },
    { step: "build", priority: "low", name: "feedctlFindEndpoint" },
  );
  await client.send(probe);
  if (found !== undefined) return found;
  throw new FeedctlError("usage", "the bucket needs a kind of signature that feedctl does not support", {
    hint: "name a bucket of one region with --bucket, not a multi-region access point",
  });
}

/** Adds headers to every request of the client, before it is signed. */
export function sendAlways(client: S3, headers: Readonly<Record<string, string>>): void {
  client.middlewareStack.add(
    (next) => (input) => {
      Object.assign((input.request as SdkRequest).headers, headers);
      return next(input);
    },
    { step: "build", name: "feedctlSendAlways" },
  );
}

/** Renews credentials once when they are refused as expired, as `createSender` does for our own requests. */
export function renewStale(client: S3): void {
  client.middlewareStack.add(
    (next) => async (input) => {
      try {
        return await next(input);
      } catch (error) {
        if (!isStale(error)) throw error;
        await client.config.credentials({ forceRefresh: true }).catch(() => {
          throw error;
        });
        return next(input);
      }
    },
    // This step runs before the one that selects the credentials of a request.
    { step: "initialize", name: "feedctlRenewStale" },
  );
}
