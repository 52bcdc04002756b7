// What the error codes of S3 and of servers like it mean.
import type { ErrorCode } from "../../../errors.ts";
import { clockDifference, reasonOf, regionOf, type Vendor } from "./vendor.ts";

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
  /** The blob that the request is about: a refusal is that blob's failure. Absent: the bucket, or a listing. */
  readonly key?: string | undefined;
  /** AWS's name of the permission that the request needs. */
  readonly permission: string;
  readonly signal?: AbortSignal | undefined;
}

export interface Verdict {
  code: ErrorCode;
  why: string;
  hint?: string | undefined;
  /** The server works and asks for fewer requests. */
  throttled?: boolean;
  blobOnly?: boolean | undefined;
  archived?: boolean | undefined;
}

export type Judge = (vendor: Vendor, place: S3Place, attempt: S3Attempt) => Verdict;

const denied =
  (why: string, hint: string): Judge =>
  () => ({ code: "denied", why, hint });
const usage =
  (why: string, hint: string): Judge =>
  () => ({ code: "usage", why, hint });
export const unavailable: Judge = (_, { host }) => ({
  code: "unavailable",
  why: `${host} cannot serve the request now`,
  hint: "try again later",
});
export const throttled: Judge = (_, { host }) => ({
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

/** What AWS says names the principal, the action and the policy. Only without it the missing permission is guessed. */
export const noPermission: Judge = (vendor, place, { permission }) => {
  const reason = reasonOf(vendor);
  if (reason !== undefined) return { code: "denied", why: `access denied: ${reason}`, hint: denialHint(reason) };
  return {
    code: "denied",
    why: "access denied",
    hint: `the credentials need ${permission} on the bucket "${place.bucket}"; without s3:ListBucket even a missing object is answered with "denied", and a bucket whose requester pays needs --request-payer`,
  };
};

function denialHint(reason: string): string | undefined {
  const action = /not authorized to perform: ([\w:*-]+)/.exec(reason)?.[1];
  if (/requester[ -]?pays/i.test(reason)) return "the bucket demands that its requester pays: --request-payer";
  if (/explicit deny/.test(reason))
    return "a policy forbids it: change that policy; a further permission does not help";
  if (action?.startsWith("kms:")) return `the credentials need ${action} on the KMS key of the bucket or object`;
  return action === undefined ? undefined : `the credentials need ${action}`;
}

/** A refusal of one blob. Bucket, credentials and options are right, so other blobs may succeed. */
export const refused: Judge = (vendor) => {
  const reason = reasonOf(vendor);
  if (/authorization mechanism/i.test(reason ?? ""))
    return { code: "usage", why: `the server refused the way the request is signed: ${reason}` };
  if (/stored using a form of server.side encryption/i.test(reason ?? ""))
    return {
      code: "denied",
      why: `it is encrypted with a key of its own (SSE-C), which feedctl does not have: ${reason}`,
      hint: "a tool that has the key can copy it onto itself with the server's encryption",
      blobOnly: true,
    };
  const status = vendor.$metadata?.httpStatusCode ?? vendor.$response?.statusCode;
  const answer = status === undefined ? "the server refused it" : `the server refused it with status ${status}`;
  return { code: "denied", why: reason === undefined ? answer : `${answer}: ${reason}`, blobOnly: true };
};

/** A key of KMS: in a write that of the store's options, in a read that of the blob. */
const kmsKey =
  (ofBlob: string, ofStore: Verdict): Judge =>
  (_vendor, _place, { key, permission }) =>
    key !== undefined && permission !== "s3:PutObject"
      ? { code: "denied", why: `the KMS key of the object ${ofBlob}`, hint: "ask the owner of the key", blobOnly: true }
      : ofStore;

export const wrongRegion: Judge = (vendor, place) => {
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
export const full: Judge = (_, { host }) => ({
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
  archived: true,
});
const noAcl = usage("the bucket does not allow ACLs", "leave out --make-public and publish with a bucket policy");
export const unknownFeature = usage(
  "the server does not support a feature of the request",
  "leave out what it may not support: --make-public, --encrypted, --kms-key, --storage-class, --reduced-redundancy",
);

/** Codes of S3, of MinIO (`Read`, `Write`), and of servers that use those of other Amazon services. */
const THROTTLES = (
  "SlowDown SlowDownRead SlowDownWrite TooManyRequests TooManyRequestsException ServerBusy RequestLimitExceeded " +
  "RequestThrottled RequestThrottledException Throttling ThrottlingException ThrottledException BandwidthLimitExceeded"
).split(" ");

export const judges: Record<string, Judge> = {
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
  PermanentRedirect: wrongRegion,
  TemporaryRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  InvalidBucketName: usage("the server does not accept this bucket name", "correct --bucket"),
  InvalidStorageClass: usage("the server does not know this storage class", "correct --storage-class"),
  AccessControlListNotSupported: noAcl,
  NotImplemented: unknownFeature,
  XNotImplemented: unknownFeature,
  "KMS.NotFoundException": kmsKey("does not exist", {
    code: "usage",
    why: "the KMS key does not exist",
    hint: "correct --kms-key",
  }),
  "KMS.DisabledException": kmsKey("is disabled", {
    code: "denied",
    why: "the KMS key is disabled",
    hint: "enable it, or name another with --kms-key",
  }),
  "KMS.KMSInvalidStateException": kmsKey("is disabled or will be deleted", {
    code: "denied",
    why: "the KMS key is disabled or will be deleted",
    hint: "enable it, or name another with --kms-key",
  }),
  EndpointError: (vendor) => ({
    code: "usage",
    why: `the settings of the endpoint contradict each other: ${reasonOf(vendor) ?? ""}`,
    hint: "FIPS and dual-stack (AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, and use_..._endpoint of the profile) are for Amazon's own endpoints: leave them or --endpoint out",
  }),
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
