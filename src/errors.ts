import { redact } from "./lib/text/redact.ts";

/** Why something failed, as a caller can handle it. Error names of a provider never leave its adapter. */
export const errorCodes = {
  usage: { exit: 2, meaning: "the command line, the configuration or a setting is wrong" },
  partial: { exit: 3, meaning: "finished, but some items failed" },
  invalid: { exit: 3, meaning: "an input file is not valid" },
  corrupt: { exit: 3, meaning: "bytes do not match their hash or size" },
  "not-found": { exit: 4, meaning: "the feed, package, file, bucket or container does not exist" },
  conflict: { exit: 5, meaning: "something else already exists there" },
  denied: { exit: 6, meaning: "credentials or permissions do not allow it" },
  unavailable: { exit: 7, meaning: "a store or the catalog cannot be reached" },
  full: { exit: 7, meaning: "no space left" },
  refused: { exit: 8, meaning: "a guard refused; nothing was changed" },
  locked: { exit: 75, meaning: "another run holds the lock; try again later" },
  interrupted: { exit: 130, meaning: "stopped by the user" },
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** What the exit statuses mean, for `--help`, the man pages and docs/scripting.md: each status once. */
export const exitStatuses: readonly { status: number; meaning: string }[] = [
  { status: 0, meaning: "done" },
  { status: 1, meaning: "a bug in feedctl" },
  { status: 2, meaning: "usage: the command line or the configuration is wrong" },
  { status: 3, meaning: "finished, but some items failed or differ" },
  { status: 4, meaning: "not found" },
  { status: 5, meaning: "conflict" },
  { status: 6, meaning: "denied" },
  { status: 7, meaning: "store or catalog unavailable" },
  { status: 8, meaning: "refused by a guard" },
  { status: 75, meaning: "locked, try later" },
  { status: 129, meaning: "ended because its terminal was closed" },
  { status: 130, meaning: "interrupted" },
  { status: 143, meaning: "ended by SIGTERM; a command that never ends by itself has status 0 then" },
];

/** The statuses of processes that SIGHUP and SIGTERM ended, as a shell reports them. */
export const HUNG_UP = 129;
export const TERMINATED = 143;

export interface ErrorDetail {
  /** What the user can do about it; one line. */
  hint?: string | undefined;
  cause?: unknown;
  /** Replaces the code's own exit status, for a command that returns those of another tool. */
  status?: number | undefined;
  /** With `unavailable`: the server works but asks for fewer requests. */
  throttled?: boolean | undefined;
  /**
   * One blob alone is concerned: it is in an archive class or under a legal hold, it has a key of its own, or the provider
   * refuses its name. Store and credentials are right.
   */
  blobOnly?: boolean | undefined;
  /** With `blobOnly`: it is in an archive class, and can be read when somebody has restored it. */
  archived?: boolean | undefined;
  /** This machine has no valid credentials for the store, so no request was sent to it. */
  noCredentials?: boolean | undefined;
  /** With `unavailable`: the store as a whole refuses such calls, so that trying its other blobs cannot help. */
  storeWide?: boolean | undefined;
  /** With `throttled`: milliseconds after which the server allows a retry, if it says so. */
  retryAfter?: number | undefined;
}

/**
 * The only error class for failures that are not bugs. The message is one line, lower case, and names what failed, on
 * what, and why. Any other error is a bug. Secrets in message and hint are redacted here, so that no result, log or
 * record that quotes them has one.
 */
export class FeedctlError extends Error {
  override readonly name = "FeedctlError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly status: number;
  readonly throttled: boolean;
  readonly blobOnly: boolean;
  readonly archived: boolean;
  readonly noCredentials: boolean;
  readonly storeWide: boolean;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(redact(message), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.hint = detail.hint === undefined ? undefined : redact(detail.hint);
    this.status = detail.status ?? errorCodes[code].exit;
    this.throttled = detail.throttled ?? false;
    this.blobOnly = detail.blobOnly ?? false;
    this.archived = detail.archived ?? false;
    this.noCredentials = detail.noCredentials ?? false;
    this.storeWide = detail.storeWide ?? false;
    this.retryAfter = detail.retryAfter;
  }
}

export function isFeedctlError(error: unknown, ...codes: ErrorCode[]): error is FeedctlError {
  return error instanceof FeedctlError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * Whether a store has refused one blob, and nothing was written: other blobs may be stored all the same. A failed `put` with
 * another error is a failure of the store.
 */
export function isRefusedBlob(error: unknown): error is FeedctlError {
  return isFeedctlError(error, "conflict", "corrupt", "invalid") || (isFeedctlError(error) && error.blobOnly);
}

/**
 * Whether what a store says is about one blob: others may be read all the same. Any other error of a read ends the run, except
 * where an operation distinguishes an outage by more than one error.
 */
export function isUnreadableBlob(error: unknown): error is FeedctlError {
  return (
    isFeedctlError(error, "not-found", "corrupt", "invalid", "denied") || (isFeedctlError(error) && error.blobOnly)
  );
}

/** What this process ran out of, and what to raise, by the code of the error. */
const exhausted: Readonly<Record<string, { what: string; hint: string }>> = {
  EMFILE: {
    what: "too many open files in this process",
    hint: "raise the limit of open files: ulimit -n, LimitNOFILE= of a systemd unit; or lower FEEDCTL_CONCURRENCY",
  },
  ENFILE: {
    what: "too many open files on this machine",
    hint: "raise the system's limit of open files: sysctl fs.file-max",
  },
  ENOMEM: { what: "this machine has no memory left", hint: "give it more memory, or lower FEEDCTL_CONCURRENCY" },
  ERR_WORKER_OUT_OF_MEMORY: {
    what: "a thread ran out of memory",
    hint: "raise its limit: NODE_OPTIONS=--max-old-space-size=MIB",
  },
  ERR_MEMORY_ALLOCATION_FAILED: {
    what: "this process has no memory left",
    hint: "give it more memory, or lower FEEDCTL_CONCURRENCY",
  },
};

/**
 * The error for a process that ran out of file handles or memory, wherever that is in the causes of `error`. Any call
 * may fail that way, so it is not a bug. A FeedctlError keeps its code and message and gets the hint. Undefined
 * for any other error.
 */
export function exhaustionOf(error: unknown): FeedctlError | undefined {
  const found = exhausted[exhaustedCode(error, 8) ?? ""];
  if (found === undefined) return undefined;
  const { what, hint } = found;
  if (error instanceof FeedctlError)
    return new FeedctlError(error.code, error.message, { hint, cause: error.cause, status: error.status });
  return new FeedctlError("unavailable", `${what}: ${error instanceof Error ? error.message : String(error)}`, {
    hint,
    cause: error,
  });
}

function exhaustedCode(error: unknown, depth: number): string | undefined {
  if (!(error instanceof Error) || depth === 0) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (code in exhausted) return code;
  // a thread that cannot start has the reason in its message only
  const [reason] = (code === "ERR_WORKER_INIT_FAILED" && /\bE[A-Z]+$/.exec(error.message)) || [];
  if (reason !== undefined && reason in exhausted) return reason;
  // so has the loader of modules, when it cannot read the package.json of a package
  if (code === "ERR_INVALID_PACKAGE_CONFIG" && /too many open files/i.test(error.message)) return "EMFILE";
  const inner = error instanceof AggregateError ? [error.cause, ...(error.errors as unknown[])] : [error.cause];
  return inner.map((each) => exhaustedCode(each, depth - 1)).find((each) => each !== undefined);
}

/** A FeedctlError in a message between threads, which would lose its class and code. */
export interface PackedError {
  code: ErrorCode;
  message: string;
  hint?: string | undefined;
  cause?: unknown;
}

/** Throws any error that is not a FeedctlError: a bug must end the thread. */
export function packError(error: unknown): PackedError {
  if (!isFeedctlError(error)) throw error;
  const { code, message, hint, cause } = error;
  return { code, message, hint, cause };
}

export function unpackError({ code, message, hint, cause }: PackedError): FeedctlError {
  return new FeedctlError(code, message, { hint, cause });
}

/** The exit status of an error: the only place where it is chosen. */
export function exitStatus(error: unknown): number {
  return error instanceof FeedctlError ? error.status : 1;
}
