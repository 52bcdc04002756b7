import { FeedctlError } from "../../errors.ts";

const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "EAI_AGAIN",
]);

/**
 * Translates a PostgreSQL or connection error into a `FeedctlError`. Returns any other error as it is: it is a bug.
 * SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function translateCatalogError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof FeedctlError) return error;
  // node-postgres reports a failed connect to a name with several addresses as an AggregateError without a message
  const first = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = "code" in first && typeof first.code === "string" ? first.code : "";
  const cause = first;
  if (
    UNREACHABLE.has(code) ||
    /Connection terminated|timeout (expired|exceeded)|client was closed|not queryable/i.test(first.message)
  ) {
    return new FeedctlError("unavailable", `the catalog cannot be reached: ${first.message || code}`, {
      cause,
      hint: "is PostgreSQL running, and does FEEDCTL_DATABASE_URL name the right host and port?",
    });
  }
  if (code.startsWith("28") || /password must be a string|SASL/.test(first.message)) {
    return new FeedctlError("denied", `the catalog refused the login: ${first.message}`, {
      cause,
      hint: "check user and password in FEEDCTL_DATABASE_URL",
    });
  }
  if (code === "42501")
    return new FeedctlError("denied", `the catalog refused: ${first.message}`, {
      cause,
      hint: "the database user needs CREATE on the database, or all rights on the schema feedctl",
    });
  if (code === "3D000")
    return new FeedctlError("not-found", `the catalog's database is missing: ${first.message}`, {
      cause,
      hint: "create it: createdb NAME",
    });
  if (code === "53100")
    return new FeedctlError("full", "the catalog's disk is full", { cause, hint: "free space on the database server" });
  if (code === "55P03" || code === "40001" || code === "40P01")
    return new FeedctlError("locked", `the catalog is busy: ${first.message}`, {
      cause,
      hint: "run the command again",
    });
  // unique or foreign key: our own checks come first, so another run passed the same check at the same moment
  if (code === "23505" || code === "23503")
    return new FeedctlError("conflict", `another run made a conflicting change at the same time: ${first.message}`, {
      cause,
      hint: "run the command again",
    });
  if (code === "25006")
    return new FeedctlError("unavailable", "the catalog's server is read-only", {
      cause,
      hint: "FEEDCTL_DATABASE_URL must name the primary, not a standby",
    });
  if (code === "57014")
    return new FeedctlError("unavailable", `the catalog cancelled a query: ${first.message}`, {
      cause,
      hint: "raise statement_timeout for this database user",
    });
  if (/^(08|53|57P|58)/.test(code))
    return new FeedctlError("unavailable", `the catalog is unavailable: ${first.message}`, {
      cause,
      hint: "try again when PostgreSQL is back",
    });
  return error;
}

/** The error of a process whose lock was taken over by another one because its connection broke. */
export function lockLost(): FeedctlError {
  return new FeedctlError("unavailable", "the connection to the catalog broke: its lock is lost", {
    hint: "run the command again",
  });
}
