import { FeedctlError, type ErrorCode } from "../../errors.ts";
import { isDiskFull } from "../../lib/files/disk-full.ts";

/** What an error of the server means. */
interface Meaning {
  code: ErrorCode;
  /** What failed. The server's message follows, unless `complete` is set. */
  what: string;
  complete?: true;
  hint: string;
}

const runAgain = "run the command again";
const POOLER_HINT =
  "a run uses 3 connections behind a pooler: raise default_pool_size in PgBouncer, or run fewer commands at once";

/**
 * By SQLSTATE, or the beginning of it; the longest one counts. States that are missing here are bugs of feedctl, such
 * as a syntax error. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const states: Readonly<Record<string, Meaning>> = {
  "08": unavailable("try again when PostgreSQL, or the pooler before it, is back"),
  // unique or foreign key: our own checks come first, so another run passed the same check at the same moment
  "23503": { code: "conflict", what: "another run made a conflicting change at the same time", hint: runAgain },
  "23505": { code: "conflict", what: "another run made a conflicting change at the same time", hint: runAgain },
  "25006": {
    code: "unavailable",
    what: "the catalog's server is read-only",
    complete: true,
    hint: "FEEDCTL_DATABASE_URL must name the primary, not a standby; default_transaction_read_only must be off",
  },
  "25P03": timedOut("idle_in_transaction_session_timeout"),
  "25P04": timedOut("transaction_timeout"),
  "26": unavailable(
    "is there a pooler that does not keep sessions? set pool_mode = session, or connect to PostgreSQL itself",
  ),
  "28": {
    code: "denied",
    what: "the catalog refused the login",
    hint: "check user and password in FEEDCTL_DATABASE_URL, and the server's pg_hba.conf",
  },
  "3D000": { code: "not-found", what: "the catalog's database is missing", hint: "create it: createdb NAME" },
  "40001": { code: "locked", what: "the catalog is busy", hint: runAgain },
  "40003": unavailable(`whether the change was made is unknown: ${runAgain}`),
  "40P01": { code: "locked", what: "the catalog is busy", hint: runAgain },
  "42501": {
    code: "denied",
    what: "the catalog refused",
    hint: "the database user needs all rights on the schema feedctl",
  },
  "53": unavailable("try again when PostgreSQL has the resources"),
  "53100": {
    code: "full",
    what: "the catalog's disk is full",
    complete: true,
    hint: "free space on the disk of the catalog, and run the command again",
  },
  "53200": unavailable("PostgreSQL ran out of memory: give it more, or lower work_mem or max_connections"),
  "53300": unavailable(
    "raise max_connections of the server or CONNECTION LIMIT of the role; a run uses up to 8 connections",
  ),
  "55P03": { code: "locked", what: "the catalog is busy", hint: runAgain },
  "57": unavailable("try again when PostgreSQL is back"),
  "57014": {
    code: "unavailable",
    what: "the catalog cancelled a query",
    hint: "an administrator, a pooler or statement_timeout ended it; run the command again",
  },
  "57P05": timedOut("idle_session_timeout"),
  "58": unavailable("the database server has a problem with its system: see its log"),
  "72": unavailable(runAgain),
  F0: unavailable("the configuration of the database server is broken: see its log"),
  XX: unavailable("the database server failed: see its log"),
};

/** Which right is missing, by the words of PostgreSQL's message in English; else the general hint. */
const missingRights: readonly [message: RegExp, hint: string][] = [
  [
    /permission denied for database/,
    "an administrator makes the schema once: create schema feedctl authorization USER; or grants CREATE on the database",
  ],
  [/create temporary tables/, "an administrator grants it: grant temporary on database NAME to USER"],
  [
    /permission denied for schema/,
    "an administrator makes the database user the owner: alter schema feedctl owner to USER; or grants CREATE and USAGE on it",
  ],
  [
    /permission denied for (table|relation|sequence)/,
    "an administrator grants it: grant all on all tables in schema feedctl to USER; grant all on all sequences in schema feedctl to USER",
  ],
  [/must be owner of/, "run the command as the database user that owns the schema feedctl"],
];

const busyPooler: Meaning = {
  code: "unavailable",
  what: "the pooler before the catalog gave no session in time",
  hint: `${POOLER_HINT}; if none runs, is PostgreSQL behind it running?`,
};

/** What PgBouncer means, by its message: for most of its own errors the state is 08P01. */
const poolerMeanings: readonly [message: RegExp, Meaning][] = [
  [/query_wait_timeout/, busyPooler],
  [/max_client_conn/, unavailable("raise max_client_conn in PgBouncer, or run fewer commands at once")],
  [/no such database|^database ".*" does not exist/, states["3D000"]!],
  [/no such user|authentication failed/, states["28"]!],
];

const laggingSequence: Meaning = {
  code: "unavailable",
  what: "the catalog gives ids that rows have already: its sequences are behind, as in a copy that has only the rows",
  complete: true,
  hint: "run: feedctl db repair-sequences",
};

/** Ids come from sequences: no race takes the same one twice. */
function isIdTaken(error: Error): boolean {
  return "detail" in error && /\(id\)=\(/.test(String(error.detail));
}

function unavailable(hint: string): Meaning {
  return { code: "unavailable", what: "the catalog is unavailable", hint };
}

function timedOut(setting: string): Meaning {
  return {
    code: "unavailable",
    what: "the catalog ended the session",
    hint: `raise ${setting} for this database user`,
  };
}

/** System errors by their code. Any other one means that the server cannot be reached. */
const systemHints: Readonly<Record<string, string>> = {
  ENOENT: "the Unix socket does not exist: is PostgreSQL running, and is `host` its directory?",
  EACCES: "this user may not use the Unix socket",
  ENOTFOUND: "does FEEDCTL_DATABASE_URL name the right host?",
};

const NO_SESSION = "the catalog gave no session within 10 seconds";

const REACH_HINT = "is PostgreSQL running, and does FEEDCTL_DATABASE_URL name the right host and port?";

/** How OpenSSL and Node name failures of TLS and of certificates. */
const TLS_CODE =
  /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|EPROTO$|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH)/;

/**
 * Translates an error of PostgreSQL, of a driver or of the network into a `FeedctlError`. Returns any other error
 * unchanged: it is a bug. With `connecting`, an unknown error is one of the connection.
 */
export function translateCatalogError(error: unknown, { connecting = false } = {}): unknown {
  if (!(error instanceof Error) || error instanceof FeedctlError) return error;
  // node-postgres reports a failed connect to a name with several addresses as an AggregateError without a message
  const first = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = codeOf(first);
  // the embedded catalog says so only in its message
  if (isDiskFull(first)) return fromMeaning(states["53100"]!, first);
  if (isSqlState(first)) {
    const meaning = meaningOf(code, first.message);
    if (code === "23505" && isIdTaken(first)) return fromMeaning(laggingSequence, first);
    const right = code === "42501" ? missingRights.find(([message]) => message.test(first.message))?.[1] : undefined;
    if (meaning !== undefined) return fromMeaning({ ...meaning, hint: right ?? meaning.hint }, first);
    return connecting ? fromMeaning(unavailable("see the log of the database server"), first) : error;
  }
  if (isTlsFailure(first))
    return new FeedctlError("unavailable", `the catalog cannot be reached over TLS: ${oneLine(first)}`, {
      cause: first,
      hint: tlsHint(first),
    });
  // node-postgres's words for an absent password
  if (/password must be a (non-empty )?string/.test(first.message))
    return new FeedctlError(
      "denied",
      "the catalog refused the login: the server asks for a password, and none is given",
      {
        cause: first,
        hint: "put it into FEEDCTL_DATABASE_URL, PGPASSWORD, or ~/.pgpass that only its owner may read",
      },
    );
  // node-postgres's words for a session that does not answer when it begins
  if (first.message === "Query read timeout")
    return fromMeaning({ code: "unavailable", what: NO_SESSION, complete: true, hint: POOLER_HINT }, first);
  if (/SASL|SCRAM/.test(first.message)) return fromMeaning(states["28"]!, first);
  if (connecting || "syscall" in first || isDriverFailure(first))
    return new FeedctlError("unavailable", `the catalog cannot be reached: ${oneLine(first)}`, {
      cause: first,
      hint: systemHints[code] ?? REACH_HINT,
    });
  return error;
}

/** The error of a process whose lock was taken over by another one because its connection broke. */
export function lockLost(): FeedctlError {
  return new FeedctlError("unavailable", "the connection to the catalog broke: its lock is lost", {
    hint: "run the command again",
  });
}

/**
 * Whether the server, as it is configured, does not accept a connection with TLS, or without it: `prefer` and `allow`
 * then try the other kind.
 */
export function isTlsRefused(error: unknown): boolean {
  return error instanceof Error && (isTlsFailure(error) || codeOf(error) === "28000");
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Errors of the server have a severity; PGlite's as well. */
function isSqlState(error: Error): boolean {
  return "severity" in error && /^[0-9A-Z]{5}$/.test(codeOf(error));
}

function meaningOf(state: string, message: string): Meaning | undefined {
  const ofPooler = state === "08P01" ? poolerMeanings.find(([words]) => words.test(message)) : undefined;
  if (ofPooler !== undefined) return ofPooler[1];
  for (let length = state.length; length >= 2; length--) {
    const meaning = states[state.slice(0, length)];
    if (meaning !== undefined) return meaning;
  }
  return undefined;
}

function fromMeaning({ code, what, complete, hint }: Meaning, cause: Error): FeedctlError {
  return new FeedctlError(code, complete === true ? what : `${what}: ${cause.message}`, { cause, hint });
}

/** Errors of node-postgres that have no code: a connection that broke or was closed, and answers out of order. */
function isDriverFailure({ message }: Error): boolean {
  return /^(Connection terminated|Client (was closed|has (encountered|already))|timeout (expired|exceeded)|Query read timeout|Received unexpected|received invalid|Cannot use a pool)|not queryable|connection has been discarded|driver has already been destroyed/i.test(
    message,
  );
}

/** Whether the server has no TLS at all. */
export function lacksTls(error: unknown): boolean {
  return error instanceof Error && error.message.includes("server does not support SSL");
}

function isTlsFailure(error: Error): boolean {
  return TLS_CODE.test(codeOf(error)) || lacksTls(error);
}

function tlsHint(error: Error): string {
  const code = codeOf(error);
  if (lacksTls(error)) return "turn on ssl in the server, or use sslmode=disable in a network that you trust";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || code === "HOSTNAME_MISMATCH")
    return "the certificate is for another host: use its name in FEEDCTL_DATABASE_URL, or sslmode=verify-ca";
  if (/EXPIRED|NOT_YET_VALID/.test(code)) return "renew the server's certificate, and check the clock";
  if (/^(DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|CERT_|INVALID_CA)/.test(code))
    return "name the server's certificate authority with sslrootcert=FILE in FEEDCTL_DATABASE_URL";
  return "do the server and feedctl have a TLS version in common, and does the URL name PostgreSQL's port?";
}

/** Node adds advice after a semicolon that does not fit here. */
function oneLine(error: Error): string {
  return (error.message || codeOf(error)).split("\n")[0]!.replace(/; if the root CA is installed locally.*/s, "");
}
