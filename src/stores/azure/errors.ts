import { FeedctlError } from "../../errors.ts";
import { redact } from "../../lib/text/redact.ts";
import { parseRetryAfter } from "../../lib/concurrency/retry-after.ts";
import { interrupted } from "../shared/signal.ts";
import { LATER, meanings, THROTTLED, type Meaning } from "./meanings.ts";
import { sasRefusal, type RefusedRequest, type SasTerms } from "./sas.ts";

/** The safe part of an SDK error. The error itself contains the signed request, and may contain a SAS. */
export interface AzureCause {
  name: string;
  code: string | undefined;
  statusCode: number | undefined;
  /** The status of the source's response to Azure, for a copy. */
  sourceStatus: number | undefined;
  message: string;
  requestId: string | undefined;
}

export interface AzureTarget {
  host: string;
  container: string;
  /** The terms of the shared access signature. Undefined: none is used. */
  sas?: SasTerms | undefined;
}

const credentialErrors = [
  "CredentialUnavailableError",
  "AuthenticationError",
  "AggregateAuthenticationError",
  "AuthenticationRequiredError",
];

/**
 * Translates the errors of the SDK; nothing else does. `doing` begins the message: `cannot read "a/b"`. An error that
 * does not come from the service, the network or the credentials is a bug and is returned unchanged.
 */
export function translateAzureError(error: unknown, doing: string, target: AzureTarget, signal?: AbortSignal): unknown {
  if (error instanceof FeedctlError || !(error instanceof Error)) return error;
  if (signal?.aborted === true) return interrupted(signal.reason);
  const cause = causeOf(error);
  const { code, why, hint, throttled, blobOnly, archived, noCredentials } = meaningOf(error, cause, target) ?? {};
  if (code === undefined) return error;
  const retryAfter = throttled ? retryAfterOf(error) : undefined;
  return new FeedctlError(code, `${doing}: ${why ?? ""}`, {
    hint,
    cause,
    throttled,
    retryAfter,
    blobOnly,
    archived,
    noCredentials,
  });
}

/** Azure's code of a translated error: `BlobAlreadyExists`, `ENOTFOUND`. Only for decisions inside the adapter. */
export function azureCode(error: unknown): string | undefined {
  return error instanceof FeedctlError ? (error.cause as AzureCause | undefined)?.code : undefined;
}

function containerMissing(doing: string, target: AzureTarget, cause?: AzureCause): FeedctlError {
  return new FeedctlError("not-found", `${doing}: the container ${target.container} does not exist on ${target.host}`, {
    hint: `create it (az storage container create --name ${target.container}), or correct the store's settings`,
    cause,
  });
}

function meaningOf(error: Error, cause: AzureCause, target: AzureTarget): Meaning | undefined {
  const { code, statusCode: status, message } = cause;
  if (credentialErrors.includes(error.name)) {
    const hint = "sign in with `az login`, set AZURE_CLIENT_ID and its companions, or use a connection string";
    return { code: "denied", why: `no usable Azure credential: ${message}`, hint, noCredentials: true };
  }
  if (code === "ContainerNotFound") {
    const { message: why, hint } = containerMissing("", target);
    return { code: "not-found", why: why.slice(2), ...(hint !== undefined && { hint }) };
  }
  if (code === "AuthenticationFailed" && clockIsWrong(error)) {
    return {
      code: "denied",
      why: `${target.host} does not accept the date of our request`,
      hint: "set this machine's clock",
    };
  }
  const isDenied = status === 401 || status === 403;
  const refusal = isDenied && target.sas && sasRefusal(target.sas, refusedRequest(error, cause, target));
  if (refusal) return refusal;
  const detail = isDenied ? authenticationDetail(error) : undefined;
  if (code === "AuthenticationFailed" && detail !== undefined)
    return { ...meanings[code]!, why: `authentication failed: ${detail}` };
  const known = code === undefined ? undefined : meanings[code];
  const about = blobRequest(error, target);
  if (known !== undefined)
    return about !== undefined && known.ofBlob !== undefined ? { ...known, code: known.ofBlob } : known;
  const said = providerMessage(cause);
  const words = (`${code ?? ""} ${status ?? ""}`.trim() || message) + (said === undefined ? "" : `: ${said}`);
  if (status === undefined) return networkMeaning(error, cause, target);
  if (status === 401 || status === 403) return { code: "denied", why: `${target.host} denied it (${words})` };
  const isRefused = status >= 400 && status < 500 && ![404, 408, 429].includes(status);
  // A write that is refused with 409 or 412 met something else; what is refused of a read is only this blob's failure.
  if (status === 412 || (status === 409 && about !== "read"))
    return { code: "conflict", why: `${target.host} reports a conflict (${words})` };
  if (isRefused && about !== undefined)
    return { code: "denied", why: `${target.host} refused it (${words})`, blobOnly: true };
  if (isRefused) return { code: "usage", why: `${target.host} does not accept the request (${words})` };
  // A 503 with Retry-After is throttling: a server that is down does not know for how long.
  if (status === 429 || (status === 503 && retryAfterOf(error) !== undefined))
    return { ...THROTTLED, why: `${target.host} asks for fewer requests (${words})` };
  // A 404 without a known code comes from a proxy and does not mean that the blob is absent.
  return { code: "unavailable", why: `${target.host} does not serve the request (${words})`, hint: LATER };
}

/** What the request was to do with a blob. Undefined: it was about the container or the account. */
function blobRequest({ request }: RestErrorLike, { container }: AzureTarget): "read" | "write" | undefined {
  const url = URL.parse(request?.url ?? "");
  const name = url?.pathname.split(`/${container}/`, 2)[1] ?? "";
  if (name === "" || url?.searchParams.has("restype") === true) return undefined;
  return request?.method === "GET" || request?.method === "HEAD" ? "read" : "write";
}

function networkMeaning(error: Error, { code, message }: AzureCause, { host }: AzureTarget): Meaning | undefined {
  if (error.name === "AbortError") return { code: "unavailable", why: `${host} broke the connection` };
  if (code === undefined && error.name !== "RestError") return undefined;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return {
      code: "unavailable",
      why: `the host ${host} cannot be resolved`,
      hint: "check the account name and the network",
    };
  }
  if (code !== undefined && /CERT|TLS|SSL|SIGNATURE/.test(code)) {
    return {
      code: "unavailable",
      why: `the certificate of ${host} is not trusted (${code})`,
      hint: "set NODE_EXTRA_CA_CERTS if the network inspects TLS",
    };
  }
  if (code === "ECONNREFUSED") return { code: "unavailable", why: `${host} refuses connections` };
  return { code: "unavailable", why: `${host} cannot be reached (${code ?? message})` };
}

interface RestErrorLike extends Error {
  code?: unknown;
  statusCode?: unknown;
  details?: Record<string, unknown>;
  response?: { headers?: { get(name: string): string | undefined }; bodyAsText?: string | null };
  request?: { url?: string; method?: string; headers?: { get(name: string): string | undefined } };
}

function causeOf(error: RestErrorLike): AzureCause {
  const headers = error.response?.headers;
  // The response to HEAD has no body: the header has the code.
  const code = headers?.get("x-ms-error-code") ?? error.details?.["errorCode"] ?? error.code;
  return {
    name: error.name,
    code: typeof code === "string" ? code : undefined,
    statusCode: typeof error.statusCode === "number" ? error.statusCode : undefined,
    sourceStatus: Number(headers?.get("x-ms-copy-source-status-code")) || undefined,
    message: withoutQueries(error.message.split("\n", 1)[0] ?? ""),
    requestId: headers?.get("x-ms-request-id"),
  };
}

function retryAfterOf({ response }: RestErrorLike): number | undefined {
  return parseRetryAfter(response?.headers?.get("retry-after"), response?.headers?.get("date"));
}

/** Removes the query of every URL, which may be a signature of Azure or S3. */
function withoutQueries(text: string): string {
  return redact(text.replace(/(\bhttps?:\/\/[^\s"'<>?]*)\?[^\s"'<>]*/gi, "$1?***"));
}

/** The server's clock decides if the response has a date. */
function refusedRequest(error: RestErrorLike, { code }: AzureCause, target: AzureTarget): RefusedRequest {
  const { response, request } = error;
  const theirs = Date.parse(response?.headers?.get("date") ?? "");
  return {
    code,
    now: new Date(Number.isNaN(theirs) ? Date.now() : theirs),
    method: request?.method ?? "",
    lists: URL.parse(request?.url ?? "")?.searchParams.get("comp") === "list",
    isOfBlob: blobRequest(error, target) !== undefined,
  };
}

/** Longer messages are web pages of proxies. */
const LONGEST_MESSAGE = 300;

/** What Azure itself says, without secrets. Undefined: nothing that a person can use. */
function providerMessage({ message, code, statusCode }: AzureCause): string | undefined {
  if (statusCode === undefined || message === "" || message === code || message.length > LONGEST_MESSAGE)
    return undefined;
  return /^[<{]|^(?:Unexpected|Error\b|RestError)/.test(message) ? undefined : message.replace(/[.:]$/, "");
}

/** The element with which Azure explains why it does not accept a key or a signature; without the string to sign. */
function authenticationDetail({ response }: RestErrorLike): string | undefined {
  const text = /<AuthenticationErrorDetail>([^<]*)/.exec(response?.bodyAsText ?? "")?.[1];
  const line = text?.split("\n", 1)[0]?.replace(/\s*(?:String to sign|Server used following string).*/i, "");
  return line ? withoutQueries(line.slice(0, LONGEST_MESSAGE).replace(/[.:]$/, "")) : undefined;
}

/** Azure accepts requests dated at most fifteen minutes ago. */
const DATE_TOLERANCE = 15 * 60_000;

function clockIsWrong(error: RestErrorLike): boolean {
  if (/request date header/i.test(error.response?.bodyAsText ?? "")) return true;
  const theirs = Date.parse(error.response?.headers?.get("date") ?? "");
  const ours = Date.parse(error.request?.headers?.get("x-ms-date") ?? "");
  return Math.abs(theirs - ours) > DATE_TOLERANCE;
}
