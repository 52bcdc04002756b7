/**
 * The access log formats: Amazon S3 server access logs, Azure Storage logs (versions 1.0 and 2.0, and JSON lines of
 * Azure Monitor), and the common and combined formats of web servers.
 */
export type LogFormat = "s3" | "azure" | "combined";

export interface LoggedRead {
  /** Candidates for the file's key, since servers decode paths differently; the most likely first. */
  keys: string[];
  at: Date;
  /** Whether the whole file was downloaded. False: a range, or "304 Not Modified". */
  whole: boolean;
}

/**
 * Parses one line. `other`: the request is not a successful read, or is feedctl's own. `unreadable`: the line does not
 * have this format.
 */
export function readLogLine(line: string, format: LogFormat | "auto"): LoggedRead | "other" | "unreadable" {
  switch (format === "auto" ? formatOf(line) : format) {
    case "s3":
      return readS3(line);
    case "azure":
      return line.startsWith("{") ? readAzureJson(line) : readAzure(line);
    case "combined":
      return readCombined(line);
    case undefined:
      return "unreadable";
  }
}

function formatOf(line: string): LogFormat | undefined {
  if (line.startsWith("{") || /^[12]\.0;/.test(line)) return "azure";
  if (/^\S+ \S+ \[[^\]]+\] \S+ \S+ \S+ [A-Z]+\./.test(line)) return "s3";
  return /^\S+ \S+ \S+ \[[^\]]+\] "/.test(line) ? "combined" : undefined;
}

// owner bucket [time] address requester id operation key "request" status
const S3 = /^\S+ \S+ \[([^\]]+)\] \S+ \S+ \S+ (\S+) (\S+) (?:"(?:[^"\\]|\\.)*"|-) (\d{3}|-) /;

function readS3(line: string): LoggedRead | "other" | "unreadable" {
  const match = S3.exec(line);
  if (match === null) return "unreadable";
  const [, time, operation, key = "", status] = match;
  if (operation !== "REST.GET.OBJECT" && operation !== "WEBSITE.GET.OBJECT") return "other";
  return isOwn(line) ? "other" : read(keysOf(key), webTime(time), Number(status));
}

// host identity user [time] "request" status; user names may contain anything, so the time's pattern is exact
const COMBINED = /^\S+ \S+ .*?\[(\d\d\/[A-Z][a-z]{2}\/\d{4}:[\d:]{8} [+-]\d{4})\] "((?:[^"\\]|\\.)*)" (\d{3})(?: |$)/;

function readCombined(line: string): LoggedRead | "other" | "unreadable" {
  const match = COMBINED.exec(line);
  if (match === null) return "unreadable";
  const [, time, request = "", status] = match;
  const target = /^GET (\S+)(?: HTTP\/[0-9.]+)?$/.exec(request)?.[1];
  if (target === undefined || isOwn(line)) return "other";
  return read(keysOf(pathOf(target)), webTime(time), Number(status));
}

function readAzure(line: string): LoggedRead | "other" | "unreadable" {
  const fields = line.match(/"[^"]*"|[^;]+|(?<=;)(?=;|$)/g);
  if (fields === null || fields.length < 13) return "unreadable";
  const [, time = "", operation, , status, , , , , , , url = "", object = ""] = fields.map((field) =>
    field.replace(/^"(.*)"$/, "$1"),
  );
  if (operation !== "GetBlob" || isOwn(line)) return "other";
  return read([...keysOf(object, 2), ...keysOf(pathOf(url), 1)], new Date(time), Number(status));
}

function readAzureJson(line: string): LoggedRead | "other" | "unreadable" {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return "unreadable";
  }
  const properties = (record["properties"] ?? {}) as Record<string, unknown>;
  // diagnostic logs spell members in camel case, exported tables in Pascal case
  const text = (...names: string[]) =>
    `${(names.map((name) => record[name] ?? properties[name]).find((value) => value !== undefined) ?? "") as string | number}`;
  const time = text("time", "TimeGenerated");
  const operation = text("operationName", "OperationName");
  if (time === "" || operation === "") return "unreadable";
  const agent = text("userAgentHeader", "UserAgentHeader");
  if (operation !== "GetBlob" || agent.startsWith("feedctl")) return "other";
  const keys = [...keysOf(text("objectKey", "ObjectKey"), 2), ...keysOf(pathOf(text("uri", "Uri")), 1)];
  return read(keys, new Date(time), Number(text("statusCode", "StatusCode")));
}

function read(keys: string[], at: Date, status: number): LoggedRead | "other" | "unreadable" {
  if (!(at.getTime() >= 0)) return "unreadable";
  if (status !== 200 && status !== 206 && status !== 304) return "other";
  // PostgreSQL text cannot hold NUL or lone surrogates; a client can request such a path, but no file has it
  const known = [...new Set(keys)].filter(
    (key) => key !== "" && key !== "-" && !key.includes("\0") && key.isWellFormed(),
  );
  return known.length === 0 ? "other" : { keys: known, at, whole: status === 200 };
}

/** Whether feedctl made the request: its reads while verifying or migrating do not count as use. */
function isOwn(line: string): boolean {
  return /"feedctl[ /"]/.test(line);
}

function pathOf(target: string): string {
  return target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "").replace(/[?#].*$/s, "");
}

/** The path decoded once, as written, and decoded twice (S3 logs encode twice), without the first `skip` segments. */
function keysOf(path: string, skip = 0): string[] {
  const once = decoded(path);
  return [once, path, decoded(once)].map((each) => each.replace(/^\/+/, "").split("/").slice(skip).join("/"));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Parses `06/Feb/2026:00:00:38 +0000`. An invalid date when it has another form. */
function webTime(text = ""): Date {
  const match = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/.exec(text);
  if (match === null) return new Date(Number.NaN);
  const [, day, month = "", year, time, hours, minutes] = match;
  const number = String(MONTHS.indexOf(month) + 1).padStart(2, "0");
  return new Date(`${year}-${number}-${day}T${time}${hours}:${minutes}`);
}
