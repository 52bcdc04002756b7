// The only file that loads the AWS SDK. It creates the client of a bucket from a store's configuration. The SDK finds
// credentials and endpoint and sends the rare requests; requests per blob go through `calls`.
import { HeadObjectCommand, S3 } from "@aws-sdk/client-s3";
import { FeedctlError } from "../../errors.ts";
import { withConfiguredEndpoint } from "./configured-endpoint.ts";
import { createCalls, type S3Calls } from "./calls.ts";
import { chooseCredentials, silent, superviseCredentials } from "./credentials.ts";
import type { S3Place } from "./errors/translate.ts";
import { openHttp } from "../shared/http.ts";
import { createSender } from "./send.ts";
import { checkArn } from "./location.ts";
import { findEndpoint, renewStale, sdkHandler, sendAlways } from "./sdk.ts";
import type { S3Config } from "./config.ts";
import { parseTargetPath } from "../key.ts";
import type { StoreTraits } from "../traits.ts";

export interface S3Connection extends S3Place {
  /** For requests that are made once per store or upload. */
  readonly client: S3;
  /** For requests that are made once per blob or page. */
  readonly calls: S3Calls;
  /** `""` or `a/b/`: the prefix of every key. */
  readonly prefix: string;
  /** What every object is created with: ACL, encryption, storage class. */
  readonly creation: S3Creation;
  /** Amazon's own service honours `If-None-Match` and knows every header. Other servers may not. */
  readonly isAmazon: boolean;
  /** What is known of the server, and what is found meanwhile. */
  readonly found: StoreTraits;
  /** A signed URL that is valid for `seconds`. `key` includes the prefix. */
  presign(key: string, seconds: number): Promise<string>;
  /** As `RemoteBlob.sessionEnd`. */
  sessionEnd(): Promise<Date | "unknown" | undefined>;
  close(): Promise<void>;
}

/** Everything that an object is created with, except its bytes. */
export type ObjectRequest = {
  Bucket: string;
  Key: string;
  Metadata: Record<string, string>;
  ContentType?: string;
  CacheControl?: string;
  ContentEncoding?: string;
  ContentDisposition?: string;
  ContentLanguage?: string;
  /** As a header has it. */
  Expires?: string;
  /** As a query of a URL. */
  Tagging?: string;
} & S3Creation;

/** Sent with the request that makes an object visible. */
export type Condition = { IfNoneMatch?: string };

/** Sent only with PutObject and CreateMultipartUpload; S3 refuses these headers elsewhere. */
export interface S3Creation {
  ACL?: "public-read";
  ServerSideEncryption?: "AES256" | "aws:kms";
  SSEKMSKeyId?: string;
  StorageClass?: NonNullable<Parameters<S3["putObject"]>[0]["StorageClass"]>;
}

/** What Amazon promises. */
const AMAZON: StoreTraits = { sortedList: true, bulkDelete: true, conditionalCreate: true };

/** Checks the configuration, creates the client and finds the region. Sends nothing. Rejects with `usage`. */
export async function connectS3(given: S3Config, known: StoreTraits = {}): Promise<S3Connection> {
  const config = await withConfiguredEndpoint(given);
  checkBucket(config);
  const endpoint = parseEndpoint(config.endpoint);
  const creation = chooseCreation(config);
  const prefix = parseTargetPath(config.targetPath ?? "");
  // The SDK cannot sign without a region. Servers other than Amazon accept any.
  const region = config.region || (endpoint === undefined ? undefined : "us-east-1");
  const credentials = await chooseCredentials(config, region);
  const connections = openHttp();
  const client = new S3({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint: endpoint.href }),
    // the guards compare places by the endpoint of the configuration; the client must not find another one
    ignoreConfiguredEndpointUrls: true,
    ...(config.profile ? { profile: config.profile } : {}),
    ...(credentials !== undefined && { credentials }),
    // an access point may be in another region than the store's option names
    useArnRegion: true,
    forcePathStyle: config.pathStyle ?? false,
    followRegionRedirects: false,
    maxAttempts: 3,
    retryMode: "standard",
    // Content-MD5 protects every body. Older servers refuse CRC32, the SDK's default, which also costs a second pass.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // Bodies are buffers, which can be sent again. Waiting for "100 Continue" would cost a new connection for each.
    expectContinueHeader: false,
    logger: silent,
    requestHandler: sdkHandler(connections, (request) => sender.resign(request)),
  });
  const regionName = await client.config.region().catch(async (cause: unknown) => {
    await connections.close();
    throw usage("the S3 store has no region", "name the bucket's region with --region, such as us-east-1", cause);
  });
  const suffix = regionName.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const path = `s3://${config.bucket}${prefix === "" ? "" : `/${prefix.slice(0, -1)}`}`;
  const name = endpoint === undefined ? path : `${path} at ${endpoint.origin}`;
  superviseCredentials(client, name, config);
  const endpointOf = memoize(() => findEndpoint(client, new HeadObjectCommand({ Bucket: config.bucket, Key: "x" })));
  const provide = (options?: { forceRefresh: boolean }) => client.config.credentials(options);
  const always = config.requestPayer ? { "x-amz-request-payer": "requester" } : {};
  const sender = createSender({ http: connections, endpoint: endpointOf, credentials: provide, always });
  renewStale(client);
  sendAlways(client, always);
  return {
    client,
    calls: createCalls(sender.send),
    presign: sender.presign,
    async sessionEnd() {
      const { expiration, sessionToken } = await provide();
      return expiration ?? (sessionToken === undefined ? undefined : "unknown");
    },
    close: () => connections.close(),
    prefix,
    creation,
    bucket: config.bucket,
    region: regionName,
    host: endpoint?.host ?? `s3.${regionName}.${suffix}`,
    name,
    isAmazon: endpoint === undefined,
    // A bucket's encryption may change: that tags were MD5s once proves nothing.
    found: { ...(endpoint === undefined && AMAZON), ...known, md5Tags: known.md5Tags === false ? false : undefined },
  };
}

function usage(message: string, hint: string, cause?: unknown): FeedctlError {
  return new FeedctlError("usage", message, { hint, cause });
}

function checkBucket({ bucket, pathStyle = false }: S3Config): void {
  if (bucket === "") throw usage("the S3 store has no bucket", "name it with --bucket");
  if (bucket.startsWith("arn:")) return checkArn(bucket, { pathStyle });
  if (bucket.includes("/")) {
    throw usage(
      `"${bucket}" is not a bucket name`,
      "give the bucket alone with --bucket and the path with --target-path",
    );
  }
  if (bucket.endsWith("--x-s3")) {
    throw usage(
      `"${bucket}" is a directory bucket (S3 Express), whose requests are signed in another way`,
      "use a general purpose bucket",
    );
  }
}

function parseEndpoint(text: string | undefined): URL | undefined {
  if (!text) return undefined;
  const hint = "give a URL such as https://s3.example.com:9000";
  if (!URL.canParse(text)) throw usage("the endpoint of the S3 store is not a URL", hint);
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw usage("the endpoint must be http or https", hint);
  if (url.username !== "" || url.password !== "") {
    throw usage("the endpoint must not hold credentials", "give them with --access-key and --secret-key");
  }
  if (url.search !== "" || url.hash !== "") throw usage("the endpoint must not hold a query or a fragment", hint);
  return url;
}

function chooseCreation(config: S3Config): S3Creation {
  if (config.storageClass && config.reducedRedundancy) {
    throw usage("reduced redundancy is a storage class of its own", "give --reduced-redundancy or --storage-class");
  }
  if (config.kmsKey && config.encrypted) {
    throw usage("a blob is encrypted with S3's keys or with a KMS key, not both", "give --encrypted or --kms-key");
  }
  const storageClass = config.storageClass || (config.reducedRedundancy ? "REDUCED_REDUNDANCY" : undefined);
  return {
    ...(config.makePublic ? { ACL: "public-read" } : {}),
    ...(config.encrypted ? { ServerSideEncryption: "AES256" } : {}),
    ...(config.kmsKey ? { ServerSideEncryption: "aws:kms", SSEKMSKeyId: config.kmsKey } : {}),
    ...(storageClass === undefined ? {} : { StorageClass: storageClass as S3Creation["StorageClass"] & string }),
  };
}

/** Caches the result of the first successful call. */
function memoize<T>(load: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () =>
    (result ??= load().catch((error: unknown) => {
      result = undefined;
      throw error;
    }));
}

/** The SDK's options of one call. */
export function http(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
