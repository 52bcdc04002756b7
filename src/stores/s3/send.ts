// Signs and sends one request to S3, and retries it where the SDK would. Used for the requests per blob and per page.
import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { problemOf } from "./answer.ts";
import { s3Code, s3Status } from "./errors/translate.ts";
import { sentValue } from "../shared/headers.ts";
import type { HttpAnswer, HttpClient } from "../shared/http.ts";
import { PLAIN, readingsOf, signAs, type Reading } from "./readings.ts";
import {
  createSigner,
  EMPTY_PAYLOAD,
  encodePath,
  encodeQuery,
  presign,
  UNSIGNED_PAYLOAD,
  type S3Credentials,
  type UnsignedRequest,
  type Sign,
} from "./sign.ts";

/** Where the bucket is and what its requests are signed for, by the SDK's rules. */
export interface S3Endpoint {
  /** `https://host:port`, a default port left out. */
  readonly origin: string;
  readonly host: string;
  /** The path before a key: `/`, or `/bucket/` for path style. */
  readonly path: string;
  readonly region: string;
  readonly service: string;
}

export interface S3Call {
  method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** The object's key with its prefix. Absent: the request is for the bucket. */
  key?: string | undefined;
  query?: Readonly<Record<string, string>> | undefined;
  /** Names in lower case. */
  headers?: Readonly<Record<string, string>> | undefined;
  body?: Buffer | undefined;
  /** Lower-case hex of the body, if known. */
  sha256?: string | undefined;
  /** Silence timeout in milliseconds, for requests that the server needs long to answer. */
  silence?: number | undefined;
  /** As in `HttpRequest`. */
  whole?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Resolves with the result of `use` for a successful response; `use` must read, discard or return its body. Rejects
 * with an error in the SDK's shape, for `translateS3Error`. An error of `use` is retried like one of the network.
 */
export type SendS3 = <T>(call: S3Call, use: (answer: HttpAnswer) => Promise<T>) => Promise<T>;

export interface S3Sender {
  readonly send: SendS3;
  /** A signed URL that reads the object and is valid for `seconds`. */
  presign(key: string, seconds: number): Promise<string>;
  /** Signs a request of the SDK again if the server reads such requests in a way that the SDK does not know. */
  resign(request: SignedRequest): Promise<Record<string, string>>;
}

/** A request that is signed already. */
export type SignedRequest = Pick<UnsignedRequest, "method" | "path" | "query" | "headers">;

export interface SenderOptions {
  http: HttpClient;
  endpoint: () => Promise<S3Endpoint>;
  /** Called for every request; refreshes credentials before they expire. `forceRefresh`: the server refused them. */
  credentials: (options?: { forceRefresh: boolean }) => Promise<S3Credentials>;
  /** Headers of every request, and parameters of every signed URL. Names in lower case. */
  always?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
}

const MAX_TRIES = 3;
/** A smaller clock difference is not corrected. S3 accepts 15 minutes. */
const SKEW_MS = 5 * 60_000;

export function createSender({ http, endpoint, credentials, always = {}, now = Date.now }: SenderOptions): S3Sender {
  let signer: { at: S3Endpoint; sign: Sign } | undefined;
  /** How many milliseconds the server's clock is ahead of ours. */
  let ahead = 0;
  /** How the server was found to read requests. */
  let known: Reading = PLAIN;
  /** Credentials with which a request succeeded. */
  let proven: S3Credentials | undefined;

  const sign = (at: S3Endpoint, request: UnsignedRequest, keys: S3Credentials, reading: Reading) => {
    if (signer?.at !== at) signer = { at, sign: createSigner(at.region, at.service) };
    return signAs(reading, request, (read) => signer!.sign(read, keys, new Date(now() + ahead)));
  };

  const once = async (call: S3Call, keys: S3Credentials, reading: Reading) => {
    const { method, key = "", query = {}, body, sha256, silence, whole, signal } = call;
    const headers = { ...always, ...call.headers };
    const at = await endpoint();
    const path = at.path + encodePath(key);
    const text = encodeQuery(query);
    const sent = body === undefined ? headers : { ...headers, "content-length": String(body.length) };
    const payload = payloadOf(at, body, sha256);
    const unsigned = { method, host: at.host, path, query: text, headers: sent, payload };
    const signed = sign(at, unsigned, keys, reading);
    signed["user-agent"] = "feedctl";
    for (const [header, value] of Object.entries(headers)) if (header in signed) signed[header] = sentValue(value);
    const target = text === "" ? path : `${path}?${text}`;
    return http.send({ origin: at.origin, method, path: target, headers: signed, body, silence, whole, signal });
  };

  /** Corrects `ahead` if the clocks explain the refusal; returns whether it did. Only trusts the date of a refusal. */
  const corrected = ({ status, headers }: HttpAnswer): boolean => {
    const server = status === 400 || status === 403 ? Date.parse(headers["date"] ?? "") : Number.NaN;
    if (!(Math.abs(server - (now() + ahead)) > SKEW_MS)) return false;
    ahead = server - now();
    return true;
  };

  /**
   * Renews the credentials; returns whether they differ now. Of many refused requests only the first refreshes them.
   */
  const renewed = async (refused: S3Credentials): Promise<boolean> => {
    if (!sameCredentials(await credentials(), refused)) return true;
    // If the refresh fails, the user must see the server's refusal.
    const newest = await credentials({ forceRefresh: true }).catch(() => refused);
    return !sameCredentials(newest, refused);
  };

  const send: SendS3 = async (call, use) => {
    let renewals = 0;
    let readings: readonly Reading[] | undefined;
    let reading = known;
    for (let count = 1; ; count++) {
      let inStep = false;
      // Outside: a failure of the credentials is none of the server, and their provider has tried again.
      const keys = await credentials();
      try {
        const answer = await once(call, keys, reading);
        if (answer.status < 300) {
          known = reading === PLAIN ? known : reading;
          proven = keys;
          return await use(answer);
        }
        inStep = corrected(answer);
        throw await problemOf(answer);
      } catch (error) {
        if (call.signal?.aborted) throw error;
        if (!inStep && s3Code(error) === "SignatureDoesNotMatch") {
          readings ??= readingsOf(encodePath(call.key ?? ""), call.headers ?? {}, known).filter(
            (one) => one !== reading,
          );
          const [next, ...rest] = readings;
          [reading, readings] = [next ?? known, rest];
          count--;
          if (next !== undefined) continue;
          throw Object.assign(error as Error, { keysWork: proven !== undefined && sameCredentials(proven, keys) });
        }
        if (isStale(error) && renewals++ === 0 && (await renewed(keys))) continue;
        // a tenth of a second does not change that nobody listens: the retry wrapper waits longer
        if (count >= MAX_TRIES || !(inStep || mayPass(error)) || nobodyListens(error)) throw error;
      }
      await sleep(Math.random() * 100 * 2 ** count, undefined, { signal: call.signal });
    }
  };

  return {
    send,
    async resign({ method, path, query, headers }) {
      if (known === PLAIN) return { ...headers };
      const [at, keys] = await Promise.all([endpoint(), credentials()]);
      const { authorization: _, "x-amz-date": _date, "x-amz-content-sha256": payload = "", ...rest } = headers;
      return sign(at, { method, host: at.host, path, query, headers: rest, payload }, keys, known);
    },
    async presign(key, seconds) {
      const [at, keys] = await Promise.all([endpoint(), credentials()]);
      const path = at.path + encodePath(key);
      const request = { method: "GET", host: at.host, path, signedPath: known.path(path), query: always, seconds };
      return at.origin + presign(at, request, keys, new Date(now() + ahead));
    },
  };
}

function sameCredentials(a: S3Credentials, b: S3Credentials): boolean {
  return (
    a.accessKeyId === b.accessKeyId && a.secretAccessKey === b.secretAccessKey && a.sessionToken === b.sessionToken
  );
}

function payloadOf({ origin }: S3Endpoint, body: Buffer | undefined, sha256: string | undefined): string {
  if (body === undefined) return EMPTY_PAYLOAD;
  return origin.startsWith("https:") ? UNSIGNED_PAYLOAD : (sha256 ?? hash("sha256", body, "hex"));
}

/** Whether the SDK would retry the error: the server is busy or failing, or the network failed. */
export function mayPass(error: unknown): boolean {
  const status = s3Status(error);
  if (status !== undefined)
    return [408, 429, 500, 502, 503, 504].includes(status) || ["RequestTimeout", "SlowDown"].includes(s3Code(error));
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  // The call has already waited through the silence timeout. The retry wrapper decides whether to wait again.
  if (name === "TimeoutError") return false;
  return typeof code === "string" && !code.startsWith("UND_ERR_INVALID") && !code.startsWith("ERR_");
}

function nobodyListens(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return ["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH"].includes(String(code));
}

/** Error codes that new credentials may cure. */
const STALE = ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidToken", "TokenRefreshRequired"];

export function isStale(error: unknown): boolean {
  return STALE.includes(s3Code(error));
}
