// Translates the errors of S3, the SDK and the network to a `FeedctlError`. Nothing else does.
import { FeedctlError, type ErrorCode } from "../../errors.ts";
import { redact } from "../../lib/text/redact.ts";
import { interrupted } from "../shared/signal.ts";
import { clockDifference, regionOf, retryAfterOf, type Vendor } from "./vendor.ts";

export interface S3Place {
  /** The store's name, for messages. */
  readonly name: string;
  readonly bucket: string;
  readonly region: string;
  readonly host: string;
}

export interface S3Attempt {
  /** Completes "cannot ...", such as `read "a/b" from`; the store's name follows. */
  readonly action: string;
  /** AWS's name of the permission that the request needs. */
  readonly permission: string;
  readonly signal?: AbortSignal | undefined;
}

interface Verdict {
  code: ErrorCode;
  why: string;
  hint?: string | undefined;
  /** The server works and asks for fewer requests. */
  throttled?: boolean;
  blobOnly?: boolean;
}

type Judge = (vendor: Vendor, place: S3Place, attempt: S3Attempt) => Verdict;

const denied =
  (why: string, hint: string): Judge =>
  () => ({ code: "denied", why, hint });
const usage =
  (why: string, hint: string): Judge =>
  () => ({ code: "usage", why, hint });
const unavailable: Judge = (_, { host }) => ({
  code: "unavailable",
  why: `${host} cannot serve the request now`,
  hint: "try again later",
});
const throttled: Judge = (_, { host }) => ({
  code: "unavailable",
  why: `${host} asks for fewer requests`,
  hint: "try again later, or with less at once (FEEDCTL_CONCURRENCY, --threads of mirror)",
  throttled: true,
});

const contended: Judge = () => ({
  code: "unavailable",
  why: "another write of the same blob is in progress",
  hint: "try again later",
});

const noPermission: Judge = (_, place, { permission }) => ({
  code: "denied",
  why: "access denied",
  hint: `the credentials need ${permission} on the bucket "${place.bucket}"; without s3:ListBucket even a missing object is answered with "denied"`,
});

const wrongRegion: Judge = (vendor, place) => {
  const region = regionOf(vendor);
  return {
    code: "usage",
    why:
      region === undefined
        ? `the bucket is not in region ${place.region}`
        : `the bucket is in region ${region}, not in ${place.region}`,
    hint: region === undefined ? "set the bucket's own region with --region" : `set it with --region ${region}`,
  };
};

const noBucket: Judge = (_, { bucket, host }) => ({
  code: "not-found",
  why: `the bucket "${bucket}" does not exist on ${host}`,
  hint: "create it first, or correct --bucket, --region or --endpoint",
});

const wrongSecret = denied(
  "the secret key does not match the access key",
  "set the secret key again with --secret-key",
);
/** The keys are right, because other requests succeeded. */
const misread = denied(
  "the signature does not match, though the keys are right: a proxy before the server changes the path or a header",
  "let the proxy pass requests on as they are; names with characters such as + ( ) @ = and blanks are concerned first",
);
const wrongAccessKey = denied("the server does not know the access key", "set --access-key and --secret-key again");
const expired = denied(
  "the credentials have expired and could not be renewed",
  "sign in again, or use keys that do not expire",
);
const closed = denied("the account or bucket is disabled", "check the account's state and billing");
const skewed: Judge = (vendor) => ({
  code: "denied",
  why: `the clocks differ${clockDifference(vendor)}`,
  hint: "set this machine's clock (NTP)",
});
const full: Judge = (_, { host }) => ({
  code: "full",
  why: `no space or quota left on ${host}`,
  hint: "make room or raise the quota",
});
const mangled: Judge = () => ({
  code: "corrupt",
  why: "the server received other bytes than were sent",
  hint: "try again; check the proxies in between",
});
const tooLarge: Judge = () => ({
  code: "invalid",
  why: "the blob is larger than the server accepts",
  hint: "check the server's limit for one object",
});
const archived: Judge = () => ({
  code: "denied",
  why: "the object is archived",
  hint: "restore it from its archive class first",
  blobOnly: true,
});
const noCredentials = denied(
  "no credentials",
  "give --access-key and --secret-key or --profile, or set up the AWS default chain",
);
const noAcl = usage("the bucket does not allow ACLs", "leave out --make-public and publish with a bucket policy");
const unknownFeature = usage(
  "the server does not support a feature of the request",
  "leave out what it may not support: --make-public, --encrypted, --kms-key, --storage-class, --reduced-redundancy",
);

/** Codes of S3, of MinIO (`Read`, `Write`), and of servers that use those of other Amazon services. */
const THROTTLES = (
  "SlowDown SlowDownRead SlowDownWrite TooManyRequests TooManyRequestsException ServerBusy RequestLimitExceeded " +
  "RequestThrottled RequestThrottledException Throttling ThrottlingException ThrottledException BandwidthLimitExceeded"
).split(" ");

const judges: Record<string, Judge> = {
  NoSuchBucket: noBucket,
  NoSuchKey: () => ({ code: "not-found", why: "no such blob" }),
  NoSuchUpload: () => ({
    code: "unavailable",
    why: "the multipart upload was aborted by another process or a lifecycle rule",
    hint: "check the bucket's lifecycle rules",
  }),
  ConditionalRequestConflict: contended,
  OperationAborted: contended,
  AccessDenied: noPermission,
  AllAccessDisabled: closed,
  AccountProblem: closed,
  InvalidAccessKeyId: wrongAccessKey,
  // versitygw's, with status 404.
  XAdminUserNotFound: wrongAccessKey,
  SignatureDoesNotMatch: (vendor, ...rest) => (vendor.keysWork === true ? misread : wrongSecret)(vendor, ...rest),
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  TokenRefreshRequired: expired,
  InvalidToken: denied("the server does not accept the session token", "sign in again"),
  RequestTimeTooSkewed: skewed,
  RequestExpired: skewed,
  CredentialsProviderError: noCredentials,
  TokenProviderError: noCredentials,
  PermanentRedirect: wrongRegion,
  TemporaryRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  InvalidBucketName: usage("the server does not accept this bucket name", "correct --bucket"),
  InvalidStorageClass: usage("the server does not know this storage class", "correct --storage-class"),
  AccessControlListNotSupported: noAcl,
  NotImplemented: unknownFeature,
  XNotImplemented: unknownFeature,
  "KMS.NotFoundException": usage("the KMS key does not exist", "correct --kms-key"),
  "KMS.DisabledException": denied("the KMS key is disabled", "enable it, or name another with --kms-key"),
  InvalidObjectState: archived,
  EntityTooLarge: tooLarge,
  QuotaExceeded: full,
  InsufficientStorage: full,
  XMinioStorageFull: full,
  BadDigest: mangled,
  InvalidDigest: mangled,
  XAmzContentSHA256Mismatch: mangled,
  MetadataTooLarge: () => ({ code: "invalid", why: "the metadata is longer than the 2 KB that S3 keeps" }),
  KeyTooLongError: () => ({ code: "invalid", why: "the name, or a part of it, is longer than the server accepts" }),
  RequestTimeout: unavailable,
  ...Object.fromEntries(THROTTLES.map((name) => [name, throttled])),
  ObjectParentIsFile: () => ({ code: "conflict", why: "a part of its path is a blob, and this server needs a folder" }),
  ExistingObjectIsDirectory: () => ({ code: "conflict", why: "it is a folder on this server" }),
};

/**
 * Translates any error of a request. A code that is not in the table goes by its status: 401 and 403 are `denied`, a
 * 404 without a code `not-found`, 301 and 307 the wrong region, 429 and 5xx `unavailable`, 507 `full`, any other
 * `usage` (a retry cannot help). Without a response the network failed: `unavailable`.
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
  if (status === undefined) return judgeNetwork(vendor, place);
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
  return { code: "usage", why: `the server refused the request with status ${status}: ${vendor.message ?? ""}`.trim() };
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
function bareCause(error: unknown): Error {
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
