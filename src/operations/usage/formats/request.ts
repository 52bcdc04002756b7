/** One line of a log, as far as use is concerned. */
export interface LoggedRequest {
  at: Date;
  /**
   * Candidates for the key of the file that was read, since servers decode paths differently; the most likely first.
   * Empty when the line is not a successful read, or is feedctl's own.
   */
  keys: string[];
  /** Whether the whole file was downloaded. False: a range, or "304 Not Modified". */
  whole: boolean;
}

/** A line's request in the terms of HTTP. `keys` are candidates for the file's key. */
export interface ReadOf {
  keys: readonly string[];
  status: number;
  method?: string | undefined;
  isOwn: boolean;
}

/** Undefined when the time is not valid: the line does not have the format. */
export function requestAt(at: Date, { keys, status, method = "GET", isOwn }: ReadOf): LoggedRequest | undefined {
  if (!(at.getTime() >= 0)) return undefined;
  const isRead = method === "GET" && !isOwn && (status === 200 || status === 206 || status === 304);
  // PostgreSQL text cannot hold NUL or lone surrogates; a client can request such a path, but no file has it
  const known = isRead
    ? [...new Set(keys)].filter((key) => key !== "" && key !== "-" && !key.includes("\0") && key.isWellFormed())
    : [];
  return { at, keys: known, whole: status === 200 };
}

/** A line that is not a read of a file. */
export function otherRequest(at: Date): LoggedRequest | undefined {
  return requestAt(at, { keys: [], status: 0, isOwn: false });
}

/** Whether feedctl made the request: its reads while verifying or migrating do not count as use. */
export function isOwnLine(line: string): boolean {
  return /"feedctl[ /"]/.test(line);
}

/** Method and path of a request line: `GET /a/b HTTP/1.1`. Undefined for what a scanner sent instead of a request. */
export function targetOf(request: string): { method: string; target: string } | undefined {
  const [, method, target] = /^([A-Z]+) (\S+)(?: HTTP\/[0-9.]+)?$/.exec(request) ?? [];
  return method === undefined || target === undefined ? undefined : { method, target };
}

/**
 * The text of which nginx and Apache wrote some bytes as `\xC3`, `\"` or `\\`, which clients may send unencoded. The bytes are
 * percent-encoded, so that they are decoded together with the rest of the path.
 */
export function unescaped(text: string): string {
  return text.replaceAll(/\\(?:x([0-9a-fA-F]{2})|(["\\]))/g, (_all, hex?: string, character?: string) =>
    hex === undefined ? (character ?? "") : `%${hex}`,
  );
}

export function pathOf(target: string): string {
  return target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "").replace(/[?#].*$/s, "");
}

/** The path decoded once, as written, and decoded twice (S3 logs encode twice), without the first `skip` segments. */
export function keysOf(path: string, skip = 0): string[] {
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
export function webTime(text = ""): Date {
  const match = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/.exec(text);
  if (match === null) return new Date(Number.NaN);
  const [, day, month = "", year, time, hours, minutes] = match;
  const number = String(MONTHS.indexOf(month) + 1).padStart(2, "0");
  return isoTime(`${year}-${number}-${day}T${time}${hours}:${minutes}`);
}

/** Parses ISO 8601; without a zone it is UTC. A leap second is read as the second before it. */
export function isoTime(text: string): Date {
  const [, minutes, seconds = ":00", fraction = "", sign = "", hour = "00", minute = "00"] =
    /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)(:\d\d)?([.,]\d+)?\s*(?:Z|([+-])(\d\d):?(\d\d))?$/.exec(text.trim()) ?? [];
  if (minutes === undefined) return new Date(Number.NaN);
  const second = `${seconds === ":60" ? ":59" : seconds}${fraction.replace(",", ".")}`;
  return new Date(`${minutes.replace(" ", "T")}${second}${sign === "" ? "Z" : `${sign}${hour}:${minute}`}`);
}
