import type { TestContext } from "node:test";
import type { ContractCaseName } from "../stores/contract/contract.ts";
import { s3ServerKind, type S3ServerKind } from "./s3-server.ts";

/** What Amazon S3 does, tests rely on, and not every server does. */
export type S3Ability =
  | "list unfinished uploads"
  | "replace an uploaded part"
  | "check credentials"
  | "name a wrong session token as such"
  | "check checksums"
  | "compare the version of a copy's source"
  | "keep an object and others below its name";

const longName = "it keeps blobs as files, whose names have at most 255 bytes";
const notConditional = "it ignores If-None-Match";
const versionIgnored = "it ignores x-amz-copy-source-if-match";
const everyCredential = "it accepts every credential";

/** What a server lacks: abilities, and the contract cases that it cannot pass. The reason is printed with each skip. */
export const s3Lacks: Record<S3ServerKind, Partial<Record<S3Ability | ContractCaseName, string>>> = {
  given: {
    "name a wrong session token as such": "not every server does, and this one is not known",
  },
  versitygw: {
    "keep an object and others below its name": "it keeps blobs as files, and no file can also be a directory",
    "a key of 1,024 bytes in two segments": longName,
    "describe without cache-control removes it": "a copy onto itself keeps headers that are left out",
  },
  weed: {
    "replace an uploaded part": "it keeps the parts of both uploads, and lists both",
    "name a wrong session token as such": "it answers InvalidAccessKeyId",
    "a key of 1,024 bytes in two segments": longName,
    "a key with a backslash": "it treats a backslash as a slash",
    "of several creators of one large key exactly one wins":
      "it completes multipart uploads with If-None-Match without a lock",
  },
  fauxqs: {
    "list unfinished uploads": "it has no ListMultipartUploads",
    "replace an uploaded part": "it has no ListParts",
    "check credentials": everyCredential,
    "name a wrong session token as such": everyCredential,
    "check checksums": "it accepts wrong checksums",
    "compare the version of a copy's source": versionIgnored,
    "of several creators of one key exactly one wins": notConditional,
    "of several creators of one large key exactly one wins": notConditional,
    "several creators with the same bytes all succeed": notConditional,
    "a source that has changed is corrupt, and nothing is visible": versionIgnored,
    "describe of a blob that has changed is corrupt and changes nothing": versionIgnored,
    "the signed URL of a blob, if there is one, reads the blob and does nothing else": everyCredential,
  },
};

/** Why the server of `startS3` lacks the ability, for a test's `skip`; false if it has it. */
export function s3Cannot(ability: S3Ability): string | false {
  const kind = s3ServerKind();
  const reason = s3Lacks[kind][ability];
  return reason === undefined ? false : `${kind} cannot ${ability}: ${reason}`;
}

/** Skips the running test where the server lacks the ability; returns whether it did. */
export function skipIfS3Cannot(t: TestContext, ability: S3Ability): boolean {
  const reason = s3Cannot(ability);
  if (reason !== false) t.skip(reason);
  return reason !== false;
}
