// AWS Signature Version 4, in the header or the URL of a request. Not the SDK's, which takes longer than everything
// else that a request does.
import { createHmac, createSecretKey, hash, type KeyObject } from "node:crypto";

export interface S3Credentials {
  /** When the session ends. */
  readonly expiration?: Date | undefined;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Only for temporary credentials. */
  readonly sessionToken?: string | undefined;
}

export interface UnsignedRequest {
  method: string;
  host: string;
  /** From `encodePath`: S3 signs the path exactly as it is sent. */
  path: string;
  /** From `encodeQuery`; `""`: none. */
  query: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body, or `UNSIGNED_PAYLOAD`. */
  payload: string;
}

/** Only for https, where TLS protects the body. */
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";
export const EMPTY_PAYLOAD = hash("sha256", "", "hex");

/** Headers that proxies may alter. The SDK does not sign them either. */
const UNSIGNED = new Set(
  "authorization cache-control connection expect from keep-alive max-forwards pragma referer te trailer transfer-encoding upgrade user-agent x-amzn-trace-id".split(
    " ",
  ),
);

/** Returns every header to send, including `authorization`. `host` is signed, but the HTTP client adds it. */
export type Sign = (request: UnsignedRequest, credentials: S3Credentials, now: Date) => Record<string, string>;

/** A signer for one region and service (`s3`). Caches the key derived from a secret, which is valid for one day. */
export function createSigner(region: string, service: string): Sign {
  let derived: { secret: string; day: string; key: KeyObject } | undefined;

  const keyOf = (secret: string, day: string): KeyObject => {
    if (derived?.secret !== secret || derived.day !== day)
      derived = { secret, day, key: deriveKey(secret, day, region, service) };
    return derived.key;
  };

  return ({ method, host, path, query, headers, payload }, credentials, now) => {
    const time = timeText(now);
    const day = time.slice(0, 8);
    const sent: Record<string, string> = { ...headers, "x-amz-date": time, "x-amz-content-sha256": payload };
    if (credentials.sessionToken !== undefined) sent["x-amz-security-token"] = credentials.sessionToken;
    const names = ["host", ...Object.keys(sent).filter((name) => !UNSIGNED.has(name))].sort();
    let lines = "";
    for (const name of names) lines += `${name}:${name === "host" ? host : plainValue(sent[name]!)}\n`;
    const signed = names.join(";");
    const canonical = `${method}\n${path}\n${query}\n${lines}\n${signed}\n${payload}`;
    const scope = `${day}/${region}/${service}/aws4_request`;
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash("sha256", canonical, "hex")}`;
    const signature = hmac(keyOf(credentials.secretAccessKey, day), text).toString("hex");
    sent["authorization"] =
      `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
    return sent;
  };
}

export interface PresignedRequest {
  method: string;
  host: string;
  /** From `encodePath`. */
  path: string;
  /** The path that is signed, where the server reads it in another way. */
  signedPath?: string | undefined;
  /** Further parameters of the URL. */
  query?: Readonly<Record<string, string>> | undefined;
  /** How long the URL is valid, at most a week. It expires with the credentials if they expire earlier. */
  seconds: number;
}

/** Path and query of a signed URL. The request needs no header but `host`, because the query contains the signature. */
export function presign(
  { region, service }: { region: string; service: string },
  { method, host, path, signedPath = path, query: more, seconds }: PresignedRequest,
  { accessKeyId, secretAccessKey, sessionToken }: S3Credentials,
  now: Date,
): string {
  const time = timeText(now);
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const query = encodeQuery({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${accessKeyId}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": String(seconds),
    "X-Amz-SignedHeaders": "host",
    ...(sessionToken !== undefined && { "X-Amz-Security-Token": sessionToken }),
    ...more,
  });
  const canonical = `${method}\n${signedPath}\n${query}\nhost:${host}\n\nhost\n${UNSIGNED_PAYLOAD}`;
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash("sha256", canonical, "hex")}`;
  const key = deriveKey(secretAccessKey, day, region, service);
  return `${path}?${query}&X-Amz-Signature=${hmac(key, text).toString("hex")}`;
}

function timeText(now: Date): string {
  return `${now.toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}

function deriveKey(secret: string, day: string, region: string, service: string): KeyObject {
  const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${secret}`) as Buffer;
  // An HMAC with a buffer as its key takes Node ten times as long.
  return createSecretKey(key);
}

function hmac(key: string | Buffer | KeyObject, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function plainValue(value: string): string {
  return /^\s|\s$|\s\s|[\t\r\n]/.test(value) ? value.replace(/\s+/g, " ").trim() : value;
}

const PLAIN_PATH = /^[\w.~/-]*$/;
/** Characters that RFC 3986 reserves and `encodeURIComponent` does not escape. */
const RESERVED = /[!'()*]/g;

function encode(text: string): string {
  return encodeURIComponent(text).replace(RESERVED, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** An object key as S3 expects it in the path: every byte escaped except unreserved characters and slashes. */
export function encodePath(key: string): string {
  return PLAIN_PATH.test(key) ? key : encode(key).replaceAll("%2F", "/");
}

/** `name=value&...`, sorted and escaped as the signature requires. The query must be sent exactly so. */
export function encodeQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}
