// One request to S3, signed, sent, and tried again where the SDK would: the way of everything that is done once a blob.
import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { problemOf } from "./s3-answer.ts";
import { s3Code, s3Status } from "./s3-errors.ts";
import type { HttpAnswer, HttpClient } from "./s3-request.ts";
import {
  createSigner,
  EMPTY_PAYLOAD,
  encodePath,
  encodeQuery,
  UNSIGNED_PAYLOAD,
  type S3Credentials,
  type Sign,
} from "./s3-sign.ts";

/** Where the bucket is and what its requests are signed for, as the SDK's rules have it. */
export interface S3Endpoint {
  /** `https://host:port`, a default port left out. */
  readonly origin: string;
  readonly host: string;
  /** What stands before a key: `/`, or `/bucket/` for path style. */
  readonly path: string;
  readonly region: string;
  readonly service: string;
}

export interface S3Call {
  method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** The object's key with its prefix; without: the bucket. */
  key?: string | undefined;
  query?: Readonly<Record<string, string>> | undefined;
  /** Names in lower case. */
  headers?: Readonly<Record<string, string>> | undefined;
  body?: Buffer | undefined;
  /** Lower-case hex of the body, if known. */
  sha256?: string | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Resolves with what `use` makes of a good answer, whose body it must read, discard or hand on. Rejects with an error
 * in the SDK's shape, for `translateS3Error`. An error of `use` counts like one of the network.
 */
export type SendS3 = <T>(call: S3Call, use: (answer: HttpAnswer) => Promise<T>) => Promise<T>;

export interface SenderOptions {
  http: HttpClient;
  endpoint: () => Promise<S3Endpoint>;
  /** Asked for every request; refreshes in time what expires. */
  credentials: () => Promise<S3Credentials>;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
}

const MAX_TRIES = 3;
/** S3 takes 15 minutes; less than this is not worth a correction. */
const SKEW_MS = 5 * 60_000;

export function createSender({ http, endpoint, credentials, now = Date.now }: SenderOptions): SendS3 {
  let signer: { at: S3Endpoint; sign: Sign } | undefined;
  /** How far the server's clock is ahead of ours. */
  let ahead = 0;

  const once = async ({ method, key = "", query = {}, headers = {}, body, sha256, signal }: S3Call) => {
    const [at, keys] = await Promise.all([endpoint(), credentials()]);
    if (signer?.at !== at) signer = { at, sign: createSigner(at.region, at.service) };
    const path = at.path + encodePath(key);
    const text = encodeQuery(query);
    const sent = body === undefined ? headers : { ...headers, "content-length": String(body.length) };
    const payload = payloadOf(at, body, sha256);
    const unsigned = { method, host: at.host, path, query: text, headers: sent, payload };
    const signed = signer.sign(unsigned, keys, new Date(now() + ahead));
    signed["user-agent"] = "feedctl";
    const whole = text === "" ? path : `${path}?${text}`;
    return http.send({ origin: at.origin, method, path: whole, headers: signed, body, signal });
  };

  /** Whether the refusal came of the clocks, which are now in step. Only the server's own refusal is believed. */
  const corrected = ({ status, headers }: HttpAnswer): boolean => {
    const server = status === 400 || status === 403 ? Date.parse(headers["date"] ?? "") : Number.NaN;
    if (!(Math.abs(server - (now() + ahead)) > SKEW_MS)) return false;
    ahead = server - now();
    return true;
  };

  return async (call, use) => {
    for (let count = 1; ; count++) {
      let inStep = false;
      try {
        const answer = await once(call);
        if (answer.status < 300) return await use(answer);
        inStep = corrected(answer);
        throw await problemOf(answer);
      } catch (error) {
        if (count === MAX_TRIES || call.signal?.aborted || !(inStep || mayPass(error))) throw error;
      }
      await sleep(Math.random() * 100 * 2 ** count, undefined, { signal: call.signal });
    }
  };
}

function payloadOf({ origin }: S3Endpoint, body: Buffer | undefined, sha256: string | undefined): string {
  if (body === undefined) return EMPTY_PAYLOAD;
  return origin.startsWith("https:") ? UNSIGNED_PAYLOAD : (sha256 ?? hash("sha256", body, "hex"));
}

/** What the SDK tries again: a server that is busy or broken, and the network. */
function mayPass(error: unknown): boolean {
  const status = s3Status(error);
  if (status !== undefined)
    return [408, 429, 500, 502, 503, 504].includes(status) || ["RequestTimeout", "SlowDown"].includes(s3Code(error));
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" && !code.startsWith("UND_ERR_INVALID") && !code.startsWith("ERR_");
}
