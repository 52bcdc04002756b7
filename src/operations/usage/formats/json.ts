import {
  isoTime,
  keysOf,
  otherRequest,
  pathOf,
  requestAt,
  targetOf,
  unescaped,
  webTime,
  type LoggedRequest,
} from "./request.ts";

// The administrator names the members of nginx's JSON; these are the usual names. CloudFront's are those of its fields;
// requestMethod and requestUrl are of Google's load balancers, RequestPath and DownstreamStatus of Traefik.
const names = {
  time: ["time_iso8601", "@timestamp", "time_local", "timestamp", "time", "ts", "msec", "datetime"],
  request: ["request", "req", "request_line"],
  method: ["request_method", "method", "cs-method", "verb", "requestMethod", "RequestMethod"],
  // nginx's `uri` is the path after rewrites, `request_uri` the one that the client sent
  target: ["request_uri", "cs-uri-stem", "url", "uri", "path", "request_path", "requestUrl", "RequestPath"],
  status: ["status", "status_code", "sc-status", "statusCode", "response_code", "code", "DownstreamStatus"],
  agent: ["http_user_agent", "user_agent", "userAgent", "cs(User-Agent)", "agent", "ua", "request_User-Agent"],
} as const;

/**
 * A JSON line of a web server: Caddy's access log, nginx with a `log_format` of its own, CloudFront. Other lines of
 * Caddy's log are not requests.
 */
export function readJson(line: string): LoggedRequest | undefined {
  if (!line.startsWith("{")) return undefined;
  const parsed = parsedLine(line);
  if (parsed === undefined) return undefined;
  const { members, isEscaped } = parsed;
  const text = (what: keyof typeof names) => {
    for (const name of names[what]) {
      const value = members.get(name);
      if ((typeof value === "string" && value !== "") || typeof value === "number") return String(value);
    }
    return undefined;
  };
  const at = timeOf(text("time"), members.get("date"));
  const request = targetOf(text("request") ?? "");
  const { method = request?.method, target = request?.target } = { method: text("method"), target: text("target") };
  const status = text("status");
  if (status === undefined || method === undefined || target === undefined)
    return members.has("logger") || text("request") !== undefined ? otherRequest(at) : undefined;
  const isOwn = (text("agent") ?? agentOf(members) ?? "").startsWith("feedctl");
  return requestAt(at, {
    keys: keysOf(pathOf(isEscaped ? unescaped(target) : target)),
    status: Number(status),
    method,
    isOwn,
  });
}

/**
 * nginx writes `\xC3` and `\x22`, which JSON does not know, when its `log_format` lacks `escape=json`. `isEscaped`: these
 * escapes are in the members.
 */
function parsedLine(line: string): { members: Map<string, unknown>; isEscaped: boolean } | undefined {
  for (const isEscaped of [false, true])
    try {
      const text = isEscaped ? line.replaceAll(/\\x(?=[0-9a-fA-F]{2})/g, "\\\\x") : line;
      return { members: membersOf(JSON.parse(text)), isEscaped };
    } catch {
      // tried with the escapes, or no JSON
    }
  return undefined;
}

/** The members of the object, and of objects in it; the outer ones win. */
function membersOf(value: unknown): Map<string, unknown> {
  const outer = Object.entries(value as object);
  const inner = outer.flatMap(([, each]) => (isObject(each) ? Object.entries(each) : []));
  return new Map([...inner, ...outer]);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Caddy logs the values of each header as a list. */
function agentOf(members: ReadonlyMap<string, unknown>): string | undefined {
  const headers = members.get("headers");
  if (!isObject(headers)) return undefined;
  const agent = (headers as Record<string, unknown>)["User-Agent"];
  return Array.isArray(agent) && typeof agent[0] === "string" ? agent[0] : undefined;
}

/** `date` is for a time of day. */
function timeOf(text = "", date: unknown): Date {
  if (/^\d+(\.\d+)?$/.test(text)) return unixTime(Number(text));
  if (/^\d\d:\d\d/.test(text) && typeof date === "string") return isoTime(`${date}T${text}`);
  return /^\d\d\//.test(text) ? webTime(text) : isoTime(text.replaceAll("/", "-"));
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970, by the size of the number. */
function unixTime(count: number): Date {
  let milliseconds = count * 1000;
  // the year 5138 in seconds is 1973 in milliseconds
  while (milliseconds >= 1e14) milliseconds /= 1000;
  return new Date(milliseconds);
}
