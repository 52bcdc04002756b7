// Translates the errors of S3, the SDK and the network to a `FeedctlError`. Nothing else does.
import { FeedctlError } from "../../../errors.ts";
import { redact } from "../../../lib/text/redact.ts";
import { interrupted } from "../../shared/signal.ts";
import { isNetworkError, reasonOf, regionOf, retryAfterOf, type Vendor } from "./vendor.ts";
import {
  full,
  judges,
  noPermission,
  refused,
  throttled,
  unavailable,
  unknownFeature,
  wrongRegion,
  type S3Attempt,
  type S3Place,
  type Verdict,
} from "./verdicts.ts";

export type { S3Attempt, S3Place } from "./verdicts.ts";

/**
 * Translates any error of a request. A code that is not in the table goes by its status: 401 and 403 are `denied`, a
 * 404 without a code `not-found`, 301 and 307 the wrong region, 429 and 5xx `unavailable`, 507 `full`. Any other is
 * `denied` for that blob alone, and `usage` without a blob (a retry cannot help). Without a response the network failed:
 * `unavailable`.
 */
export function translateS3Error(error: unknown, place: S3Place, attempt: S3Attempt): FeedctlError {
  if (error instanceof FeedctlError) return error;
  const vendor = (error ?? {}) as Vendor;
  const what = `cannot ${attempt.action} ${place.name}`;
  if (attempt.signal?.aborted) return interrupted(bareCause(error));
  const verdict = judge(vendor, place, attempt);
  const known = [s3Code(error), vendor.$metadata?.requestId && `request ${vendor.$metadata.requestId}`];
  const tail = known.filter(Boolean).join(", ");
  return new FeedctlError(verdict.code, `${what}: ${verdict.why}${tail === "" ? "" : ` (${tail})`}`, {
    hint: verdict.hint,
    cause: bareCause(error),
    throttled: verdict.throttled,
    blobOnly: verdict.blobOnly,
    archived: verdict.archived,
    retryAfter: verdict.throttled ? retryAfterOf(vendor) : undefined,
  });
}

/** The server's error code, such as `NoSuchKey`. Without a body only the class of the status, such as `NotFound`. */
export function s3Code(error: unknown): string {
  const { name, code } = (error ?? {}) as Vendor;
  const text = name === undefined || name === "Error" || name === "AggregateError" ? code : name;
  return typeof text === "string" && !/^\d+$/.test(text) && text !== "UnknownError" ? text : "";
}

export function s3Status(error: unknown): number | undefined {
  const { $metadata, $response } = (error ?? {}) as Vendor;
  return $metadata?.httpStatusCode ?? $response?.statusCode;
}

function judge(vendor: Vendor, place: S3Place, attempt: S3Attempt): Verdict {
  const byName = judges[s3Code(vendor)];
  if (byName !== undefined && Object.hasOwn(judges, s3Code(vendor))) return byName(vendor, place, attempt);
  const status = s3Status(vendor);
  if (status === undefined) return judgeSilence(vendor, place, attempt);
  if (status === 301 || status === 307) return wrongRegion(vendor, place, attempt);
  if (status === 400 && regionOf(vendor) !== undefined && regionOf(vendor) !== place.region)
    return wrongRegion(vendor, place, attempt);
  if (status === 401 || status === 403) return noPermission(vendor, place, attempt);
  // A 404 with another code does not mean that the blob is absent.
  if (status === 404 && ["", "NotFound"].includes(s3Code(vendor))) return { code: "not-found", why: "not found" };
  // A 503 with Retry-After is throttling: a server that is down does not know for how long.
  if (status === 429 || (status === 503 && retryAfterOf(vendor) !== undefined))
    return throttled(vendor, place, attempt);
  if (status === 408) return unavailable(vendor, place, attempt);
  if (status === 501) return unknownFeature(vendor, place, attempt);
  if (status === 507) return full(vendor, place, attempt);
  if (status >= 500) return unavailable(vendor, place, attempt);
  if (status < 300)
    return { code: "unavailable", why: `the response of ${place.host} is not from S3`, hint: "check --endpoint" };
  if (attempt.key !== undefined) return refused(vendor, place, attempt);
  return { code: "usage", why: `the server refused the request with status ${status}: ${vendor.message ?? ""}`.trim() };
}

/** Words in an error's code that promise that another try may help. */
const MAY_PASS = /internal|unavailable|busy|slow|timeout|throttl/i;

/** An error without a status: of the network, of one key in a response about many, or of this machine. */
function judgeSilence(vendor: Vendor, place: S3Place, attempt: S3Attempt): Verdict {
  if (isNetworkError(vendor)) return judgeNetwork(vendor, place);
  const named = s3Code(vendor);
  if (named !== "" && attempt.key !== undefined && !MAY_PASS.test(named)) return refused(vendor, place, attempt);
  const reason = reasonOf(vendor);
  return { code: "unavailable", why: `the server could not${reason === undefined ? "" : `: ${reason}`}` };
}

function judgeNetwork(vendor: Vendor, { host, bucket }: S3Place): Verdict {
  const code = vendor.code ?? "";
  const verdict = (why: string, hint: string): Verdict => ({ code: "unavailable", why, hint });
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    const asked = vendor.hostname ?? host;
    const byHost = asked.startsWith(`${bucket}.`) && !asked.endsWith(".amazonaws.com");
    const hint = byHost
      ? "if the server wants the bucket in the path, use --path-style"
      : "check --region, --endpoint and the name server";
    return verdict(`the host name ${asked} does not resolve`, hint);
  }
  if (code === "ECONNREFUSED")
    return verdict(`${host} refuses connections`, "is the server running, and is --endpoint right?");
  if (/CERT|SELF_SIGNED|LEAF_SIGNATURE|^ERR_TLS|^ERR_SSL|EPROTO/.test(code)) {
    return verdict(
      `no trusted TLS connection to ${host}: ${vendor.message ?? ""}`,
      "for a private certificate authority set NODE_EXTRA_CA_CERTS",
    );
  }
  if (code === "ETIMEDOUT" || vendor.name === "TimeoutError")
    return verdict(`${host} does not answer`, "check --endpoint, firewalls and proxies");
  return verdict(`the connection to ${host} failed: ${vendor.message ?? ""}`, "try again later");
}

/** Copies only name, message and status of an error: S3 quotes the signed request with its session token in some. */
export function bareCause(error: unknown): Error {
  const { name = "Error", message = String(error), code } = (error ?? {}) as Vendor;
  const status = s3Status(error);
  const cause = new Error(redact(message));
  if (error instanceof Error && error.stack !== undefined) cause.stack = redact(error.stack);
  return Object.assign(
    cause,
    { name: redact(name) },
    code !== undefined && { code },
    status !== undefined && { status },
  );
}
