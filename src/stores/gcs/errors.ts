// Translates the errors of Google Cloud Storage, the auth library and the network into `FeedctlError`s.
import { FeedctlError, type ErrorCode } from "../../errors.ts";
import { parseRetryAfter } from "../../lib/concurrency/retry-after.ts";
import { interrupted } from "../shared/signal.ts";

/** An error response of the service. */
export class GcsRefusal extends Error {
  readonly status: number;
  /** The `reason` of the response, such as `conditionNotMet`; empty if it has none. */
  readonly reason: string;
  /** Milliseconds, from the Retry-After header. */
  readonly retryAfter: number | undefined;

  constructor(status: number, message: string, reason: string, headers: Readonly<Record<string, string>>) {
    super(message);
    this.name = "GcsRefusal";
    this.status = status;
    this.reason = reason;
    this.retryAfter = parseRetryAfter(headers["retry-after"], headers["date"]);
  }
}

export interface GcsPlace {
  /** The store's name, for messages. */
  readonly name: string;
  readonly bucket: string;
  readonly host: string;
}

export interface GcsAttempt {
  /** The middle of the message "cannot <action> <store>", such as `read "a/b" from`. */
  readonly action: string;
  /** The blob that the request is about: a refusal is that blob's failure. Absent: the bucket, or a listing. */
  readonly key?: string | undefined;
  /** The IAM permission that the request needs. */
  readonly permission: string;
  readonly signal?: AbortSignal | undefined;
}

interface Verdict {
  code: ErrorCode;
  why: string;
  hint?: string | undefined;
  throttled?: boolean | undefined;
  blobOnly?: boolean | undefined;
}

const LATER = "try again later";

/** The HTTP status of an error response; undefined for other errors. */
export function gcsStatus(error: unknown): number | undefined {
  return error instanceof GcsRefusal ? error.status : undefined;
}

/**
 * By status: 401 and 403 are `denied`, 404 is `not-found`, 412 `conflict`, 408, 410, 429 and 5xx `unavailable`. A
 * checksum mismatch is `corrupt`. Any other response is `denied` for that blob alone, and `usage` without a blob,
 * because a retry cannot help. Network errors are `unavailable`.
 */
export function translateGcsError(error: unknown, place: GcsPlace, attempt: GcsAttempt): FeedctlError {
  if (error instanceof FeedctlError) return error;
  if (attempt.signal?.aborted) return interrupted(error);
  const { code, why, hint, throttled, blobOnly } =
    error instanceof GcsRefusal ? judgeAnswer(error, place, attempt) : judgeNetwork(error, place);
  return new FeedctlError(code, `cannot ${attempt.action} ${place.name}: ${why}`, {
    hint,
    cause: error,
    throttled,
    blobOnly,
    retryAfter: throttled && error instanceof GcsRefusal ? error.retryAfter : undefined,
  });
}

function judgeAnswer(refusal: GcsRefusal, { bucket, host }: GcsPlace, { key, permission }: GcsAttempt): Verdict {
  const { status, reason, message } = refusal;
  if (status === 429 || reason === "rateLimitExceeded" || reason === "userRateLimitExceeded")
    return {
      code: "unavailable",
      why: `${host} asks for fewer requests`,
      hint: "try again later, or with less at once (FEEDCTL_CONCURRENCY, --threads of mirror)",
      throttled: true,
    };
  if (status === 401)
    return { code: "denied", why: "the credentials are not accepted", hint: "sign in again, or correct --key-file" };
  if (status === 403 && /retention policy|object retention|under active .*hold/i.test(message))
    return { code: "denied", why: `the blob is protected (${message})`, blobOnly: true };
  if (status === 403)
    return {
      code: "denied",
      why: `access denied (${message})`,
      hint: `the credentials need ${permission} on the bucket "${bucket}"`,
    };
  if (status === 404)
    return /^no such object/i.test(message)
      ? { code: "not-found", why: "there is no such blob" }
      : {
          code: "not-found",
          why: `the bucket "${bucket}" does not exist on ${host}`,
          hint: "create it first, or correct --bucket or --endpoint",
        };
  if (status === 412) return { code: "conflict", why: "the blob changed meanwhile", hint: "try again" };
  if (status === 400 && /md5|crc32c|checksum/i.test(message))
    return { code: "corrupt", why: "the bytes that arrived are not those that were sent", hint: "try again" };
  if (status === 400 && /uniform bucket-level access|legacy ACL/i.test(message))
    return {
      code: "usage",
      why: "the bucket takes no ACLs",
      hint: "leave out --make-public and grant allUsers the role Storage Object Viewer on the bucket",
    };
  if (status === 408 || status >= 500)
    return { code: "unavailable", why: `${host} cannot serve the request now`, hint: LATER };
  if (status === 410) return { code: "unavailable", why: "the upload was ended by the service", hint: LATER };
  if (key === undefined)
    return { code: "usage", why: `the server refused the request with status ${status}: ${message}` };
  const hint = /customer.supplied encryption/i.test(message) ? "give the key with --customer-key" : undefined;
  return { code: "denied", why: `the server refused it with status ${status}: ${message}`, hint, blobOnly: true };
}

function judgeNetwork(error: unknown, { host }: GcsPlace): Verdict {
  const { code = "", name = "", message = "" } = (error ?? {}) as { code?: string; name?: string; message?: string };
  const verdict = (why: string, hint: string): Verdict => ({ code: "unavailable", why, hint });
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return verdict(`the host name ${host} does not resolve`, "look at --endpoint and the name server");
  if (code === "ECONNREFUSED")
    return verdict(`${host} refuses connections`, "is the server running, and is --endpoint right?");
  if (/CERT|SELF_SIGNED|LEAF_SIGNATURE|^ERR_TLS|^ERR_SSL|EPROTO/.test(code))
    return verdict(
      `no trusted TLS connection to ${host}: ${message}`,
      "for an authority of your own set NODE_EXTRA_CA_CERTS",
    );
  if (code === "ETIMEDOUT" || name === "TimeoutError")
    return verdict(`${host} does not answer`, "look at --endpoint, firewalls and proxies");
  return verdict(`the connection to ${host} failed: ${message}`, LATER);
}

/** Translates an error of the auth library. Drops its cause, which may contain secrets; its message does not. */
export function translateAuthError(error: unknown, { name }: Pick<GcsPlace, "name">): FeedctlError {
  const { code, status, message = "" } = (error ?? {}) as { code?: unknown; status?: number; message?: string };
  const what = `cannot sign in to ${name}`;
  const [why = ""] = message.split("\n");
  const isNetwork = typeof code === "string" && /^E[A-Z]+$/.test(code) && code !== "ENOENT" && code !== "EACCES";
  if (isNetwork || (status !== undefined && (status >= 500 || status === 429)))
    return new FeedctlError("unavailable", `${what}: ${why}`, { hint: LATER, noCredentials: true });
  return new FeedctlError("denied", `${what}: ${why}`, {
    hint: "give --key-file, or run: gcloud auth application-default login; an emulator needs --anonymous",
    noCredentials: true,
  });
}
