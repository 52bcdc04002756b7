// Where the credentials of a bucket come from, and why there are none. Only this file knows that a failure is not one of the
// bucket's server: it arises at STS, SSO, a program, a file.
import type { S3, S3ClientConfig } from "@aws-sdk/client-s3";
import { FeedctlError } from "../../errors.ts";
import { registerSecrets } from "../../lib/text/redact.ts";
import type { S3Config } from "./config.ts";
import { environmentProfile } from "./configured-endpoint.ts";
import { bareCause, s3Status } from "./errors/translate.ts";
import { isNetworkError, reasonOf, type Vendor } from "./errors/vendor.ts";

export type Credentials = NonNullable<S3ClientConfig["credentials"]>;

export const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

type Origin = Pick<S3Config, "profile" | "roleArn">;

/** Undefined: those of the SDK's default chain. Throws `usage`. */
export async function chooseCredentials(
  config: S3Config,
  region: string | undefined,
): Promise<Credentials | undefined> {
  const given = staticCredentials(config);
  if (!config.roleArn) return given;
  const { fromTemporaryCredentials } = await loadProviders();
  return fromTemporaryCredentials({
    ...(given !== undefined && { masterCredentials: given }),
    params: { RoleArn: config.roleArn, RoleSessionName: "feedctl" },
    clientConfig: { ...(region !== undefined && { region }), ...(config.profile ? { profile: config.profile } : {}) },
    logger: silent,
  });
}

/** Loaded for roles, and for the reason of a failure. */
async function loadProviders() {
  return import("@aws-sdk/credential-providers");
}

function staticCredentials({ accessKey, secretKey }: S3Config): Credentials | undefined {
  if (!accessKey && !secretKey) return undefined;
  if (!secretKey)
    throw usage("the S3 store has an access key but no secret key", "give --secret-key as well, or neither");
  if (!accessKey)
    throw usage("the S3 store has a secret key but no access key", "give --access-key as well, or neither");
  for (const [what, value] of [
    ["access key", accessKey],
    ["secret key", secretKey],
  ] as const) {
    // Usually the line end of a file or of pasted text. The error of the HTTP library would not name the key.
    if (!/^[\x21-\x7e]+$/.test(value))
      throw usage(`the ${what} contains a blank, a line end or another invalid character`, "enter it again");
  }
  return { accessKeyId: accessKey, secretAccessKey: secretKey };
}

function usage(message: string, hint: string): FeedctlError {
  return new FeedctlError("usage", message, { hint });
}

/**
 * Registers the credentials that the SDK resolves as secrets: of the store, a profile, a role, the environment or the
 * machine. A failure becomes a `FeedctlError`, which no request takes for an answer of the bucket's server.
 */
export function superviseCredentials({ config }: S3, store: string, origin: Origin): void {
  const resolve = config.credentials;
  config.credentials = async (...args) => {
    const found = await resolve(...args).catch(async (error: unknown) => {
      throw await explain(error, store, origin);
    });
    registerSecrets(found.accessKeyId, found.secretAccessKey, found.sessionToken);
    return found;
  };
}

/** The end of the SDK's chain, which forgets why the profile had none. */
const NO_PROVIDER = /could not load credentials from any providers/i;

async function explain(error: unknown, store: string, { profile: given, roleArn }: Origin): Promise<FeedctlError> {
  if (error instanceof FeedctlError) return error;
  const profile = given || (await environmentProfile());
  const failure = await failureOf(error, profile);
  const status = s3Status(failure);
  const { code = "", path } = failure;
  const origin = roleArn ? `the role ${roleArn}: ` : profile ? `the profile ${JSON.stringify(profile)}: ` : "";
  const reason = reasonOf(failure) ?? "no reason was given";
  const report = (as: "denied" | "unavailable", why: string, hint: string) =>
    new FeedctlError(as, `cannot get credentials for ${store}: ${origin}${why}`, {
      hint,
      cause: bareCause(failure),
      noCredentials: true,
    });
  if (path !== undefined)
    return report(
      "denied",
      `the web identity token file ${path} cannot be read (${code})`,
      "check AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile",
    );
  if (isNetworkError(failure))
    return report(
      "unavailable",
      `the service that issues them (STS or SSO) cannot be reached: ${reason}`,
      "check the network and its proxies, and AWS_ENDPOINT_URL_STS where it is set",
    );
  if (status !== undefined && (status >= 500 || status === 429))
    return report("unavailable", `STS cannot serve the request now: ${reason}`, "try again later");
  if (status !== undefined) return report("denied", `STS refuses: ${reason}`, hintFor(reason, profile));
  if (!NO_PROVIDER.test(reason)) return report("denied", reason, hintFor(reason, profile));
  const hint = "give --access-key and --secret-key or --profile, or set up the AWS default chain";
  return report("denied", "no credentials", hint);
}

/** The profile's own failure, where the chain went on to other sources and failed there. */
async function failureOf(error: unknown, profile: string): Promise<Vendor & { path?: string }> {
  const last = (error ?? {}) as Vendor;
  if (profile === "" || last.$metadata !== undefined || isNetworkError(last)) return last;
  const { fromIni } = await loadProviders();
  return fromIni({ profile, logger: silent })().then(
    () => last,
    (reason: unknown) => reason as Vendor,
  );
}

function hintFor(reason: string, profile: string): string {
  if (/\bsso\b/i.test(reason)) return `sign in: aws sso login${profile === "" ? "" : ` --profile ${profile}`}`;
  if (/multi-factor|\bmfa\b/i.test(reason))
    return "feedctl asks for no MFA code: use a session of aws sts get-session-token, or a profile without mfa_serial";
  if (/AssumeRole/.test(reason))
    return "the caller needs that permission, and the trust policy of the role must allow the caller";
  if (/expired/i.test(reason)) return "sign in again";
  if (/command failed|credential_process/i.test(reason))
    return "run the credential_process of the profile by hand: it must print JSON and end with status 0";
  return "check --profile, and the profile in ~/.aws/config and ~/.aws/credentials";
}
