// What the error codes of Azure mean.
import type { ErrorCode } from "../../errors.ts";

export interface Meaning {
  code: ErrorCode;
  why: string;
  hint?: string;
  /** The server works and asks for fewer requests. */
  throttled?: boolean;
  blobOnly?: boolean;
  archived?: boolean;
  noCredentials?: boolean;
  /** The code instead of `code` in the answer about one blob. */
  ofBlob?: ErrorCode;
}

const ROLES = "grant this identity the role Storage Blob Data Contributor on the container or the account";
const SAS =
  "the shared access signature must allow service blob, containers and objects, and read, write, list, delete";
export const LATER = "try again later";
export const THROTTLED: Meaning = {
  code: "unavailable",
  why: "the account asks for fewer requests",
  hint: "try again later, or with less at once (FEEDCTL_CONCURRENCY, --threads of mirror)",
  throttled: true,
};

/** Azure's error codes that say more than their HTTP status. */
export const meanings: Record<string, Meaning> = {
  AuthenticationFailed: {
    code: "denied",
    why: "authentication failed",
    hint: "check the account key or signature: it may be mistyped, rotated or expired",
  },
  InvalidAuthenticationInfo: {
    code: "denied",
    why: "authentication failed",
    hint: "the credential belongs to another tenant or has expired",
  },
  NoAuthenticationInformation: { code: "denied", why: "the account demands credentials" },
  AuthorizationFailure: {
    code: "denied",
    why: "not authorised",
    hint: "check the account key or signature; the account's firewall may also refuse this network",
  },
  AuthorizationPermissionMismatch: {
    code: "denied",
    why: "this identity or signature has too few permissions",
    hint: `${ROLES}; ${SAS}`,
  },
  AuthorizationSourceIPMismatch: { code: "denied", why: "the shared access signature is not for this address" },
  AuthorizationProtocolMismatch: {
    code: "denied",
    why: "the shared access signature is not for this protocol",
    hint: "use https",
  },
  AuthorizationServiceMismatch: { code: "denied", why: "the shared access signature is not for blobs", hint: SAS },
  AuthorizationResourceTypeMismatch: {
    code: "denied",
    why: "the shared access signature does not cover this",
    hint: SAS,
  },
  InsufficientAccountPermissions: {
    code: "denied",
    why: "the account forbids it",
    hint: "the account may be read-only, or its owner must allow this operation",
  },
  KeyBasedAuthenticationNotPermitted: {
    code: "denied",
    why: "the account does not allow account keys",
    hint: "use --account-url with the Azure credential chain",
  },
  PublicAccessNotPermitted: { code: "denied", why: "the account demands credentials" },
  AccountIsDisabled: {
    code: "denied",
    why: "the storage account is disabled",
    hint: "see the account's state and billing in the Azure portal",
  },
  BlobImmutableDueToPolicy: {
    code: "denied",
    why: "an immutability policy or legal hold protects the blob",
    blobOnly: true,
  },
  UnauthorizedBlobOverwrite: {
    code: "denied",
    why: "the shared access signature does not allow overwriting",
    hint: SAS,
  },
  BlobArchived: {
    code: "denied",
    why: "the blob is in the archive tier",
    hint: "rehydrate it to hot or cool first",
    blobOnly: true,
    archived: true,
  },
  BlobBeingRehydrated: {
    code: "denied",
    why: "the blob is still being rehydrated from the archive tier",
    hint: LATER,
    blobOnly: true,
    archived: true,
  },
  ContainerBeingDeleted: { code: "unavailable", why: "the container is being deleted", hint: LATER },
  ContainerDisabled: { code: "denied", why: "the container is disabled" },
  BlobUsesCustomerSpecifiedEncryption: {
    code: "denied",
    why: "it is encrypted with a customer-provided key, which feedctl does not have",
    hint: "a tool that has the key can upload it again without one",
    blobOnly: true,
  },
  BlobCustomerSpecifiedEncryptionMismatch: {
    code: "denied",
    why: "it is encrypted with another key",
    blobOnly: true,
  },
  PendingCopyOperation: {
    code: "denied",
    why: "a copy into it has not ended",
    hint: "wait until it ends, or abort it: az storage blob copy cancel",
    blobOnly: true,
  },
  BlobNotFound: { code: "not-found", why: "no such blob" },
  BlobAlreadyExists: { code: "conflict", why: "it already exists" },
  ConditionNotMet: { code: "conflict", why: "the blob changed meanwhile" },
  InvalidBlockList: { code: "unavailable", why: "a concurrent upload of the same blob interfered", hint: "try again" },
  InvalidBlobOrBlock: {
    code: "conflict",
    why: "another tool left an unfinished upload of this blob",
    hint: "finish it there, or discard it: upload an empty blob of that name and delete it; Azure drops it after a week",
  },
  InvalidBlobType: { code: "conflict", why: "it is a blob of another type", hint: "delete the page or append blob" },
  LeaseIdMissing: {
    code: "conflict",
    why: "another client holds a lease on the blob",
    hint: "break the lease, or wait until it ends",
  },
  SnapshotsPresent: { code: "conflict", why: "the blob has snapshots" },
  Md5Mismatch: { code: "corrupt", why: "the bytes were damaged on the way" },
  Crc64Mismatch: { code: "corrupt", why: "the bytes were damaged on the way" },
  InvalidRange: { code: "usage", why: "the range starts past the end of the blob" },
  InvalidResourceName: { code: "usage", why: "Azure does not accept this container or blob name", ofBlob: "invalid" },
  InvalidUri: { code: "usage", why: "Azure does not accept this blob name", ofBlob: "invalid" },
  OutOfRangeInput: { code: "usage", why: "a name, size or header is longer than Azure accepts", ofBlob: "invalid" },
  MetadataTooLarge: { code: "usage", why: "the metadata is larger than 8 KiB", ofBlob: "invalid" },
  InvalidMetadata: { code: "usage", why: "Azure does not accept this metadata", ofBlob: "invalid" },
  RequestBodyTooLarge: { code: "usage", why: "the blob is larger than this account accepts", ofBlob: "invalid" },
  ServerBusy: THROTTLED,
  TooManyRequests: THROTTLED,
  EgressIsOverAccountLimit: THROTTLED,
  IngressIsOverAccountLimit: THROTTLED,
  BlockCountExceedsLimit: { code: "usage", why: "the blob is larger than Azure accepts", ofBlob: "invalid" },
};
