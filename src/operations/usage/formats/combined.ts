import {
  isOwnLine,
  keysOf,
  otherRequest,
  pathOf,
  requestAt,
  targetOf,
  unescaped,
  webTime,
  type LoggedRequest,
} from "./request.ts";

// [host:port] address identity user [time] "request" status. Addresses may be a list and user names hold blanks, so
// whatever precedes the time is skipped, and the time's pattern is exact. Apache writes - for the status of a request that
// got no response.
const COMBINED = /^\S+ \S+ .*?\[(\d\d\/[A-Z][a-z]{2}\/\d{4}:[\d:]{8} [+-]\d{4})\] "((?:[^"\\]|\\.)*)" (\d{3}|-)(?: |$)/;

/** Common and combined log format of web servers, also with the virtual host in front. */
export function readCombined(line: string): LoggedRequest | undefined {
  const [, time, request = "", status] = COMBINED.exec(line) ?? [];
  if (time === undefined) return undefined;
  const found = targetOf(request);
  if (found === undefined) return otherRequest(webTime(time));
  const { method, target } = found;
  return requestAt(webTime(time), {
    keys: keysOf(pathOf(unescaped(target))),
    status: Number(status),
    method,
    isOwn: isOwnLine(line),
  });
}
