import { isOwnLine, isoTime, keysOf, otherRequest, pathOf, requestAt, webTime, type LoggedRequest } from "./request.ts";

// owner bucket [time] address requester id operation key "request" status
const S3 = /^\S+ \S+ \[([^\]]+)\] \S+ \S+ \S+ (\S+) (\S+) (?:"(?:[^"\\]|\\.)*"|-) (\d{3}|-) /;

/** Amazon S3 server access logs. */
export function readS3(line: string): LoggedRequest | undefined {
  const [, time, operation, key = "", status] = S3.exec(line) ?? [];
  if (time === undefined) return undefined;
  if (operation !== "REST.GET.OBJECT" && operation !== "WEBSITE.GET.OBJECT") return otherRequest(webTime(time));
  return requestAt(webTime(time), { keys: keysOf(key), status: Number(status), isOwn: isOwnLine(line) });
}

/** Azure Storage logs, versions 1.0 and 2.0. Quoted fields are HTML-encoded: they may hold quotes and semicolons. */
export function readAzure(line: string): LoggedRequest | undefined {
  if (!/^[12]\.0;/.test(line)) return undefined;
  const fields = line.match(/"[^"]*"|[^;]+|(?<=;)(?=;|$)/g) ?? [];
  if (fields.length < 13) return undefined;
  const [, time = "", operation, , status, , , , , , , url = "", object = ""] = fields.map((field) =>
    field.startsWith('"') ? unescapeHtml(field.slice(1, -1)) : field,
  );
  if (operation !== "GetBlob") return otherRequest(isoTime(time));
  const keys = [...keysOf(object, 2), ...keysOf(pathOf(url), 1)];
  return requestAt(isoTime(time), { keys, status: Number(status), isOwn: isOwnLine(line) });
}

const entities: Readonly<Record<string, string>> = { amp: "&", quot: '"', lt: "<", gt: ">", apos: "'" };

function unescapeHtml(text: string): string {
  return text.replaceAll(
    /&(?:(amp|quot|lt|gt|apos)|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));/g,
    (whole, name, digits, hex) => {
      if (name !== undefined) return entities[name as string] ?? whole;
      const code = digits === undefined ? Number.parseInt(hex as string, 16) : Number(digits);
      return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole;
    },
  );
}

/** A JSON line of Azure Monitor. */
export function readMonitor(line: string): LoggedRequest | undefined {
  if (!line.startsWith("{")) return undefined;
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const properties = (record["properties"] ?? {}) as Record<string, unknown>;
  // diagnostic logs spell members in camel case, exported tables in Pascal case
  const text = (...names: string[]) =>
    `${(names.map((name) => record[name] ?? properties[name]).find((value) => value !== undefined) ?? "") as string | number}`;
  const at = isoTime(text("time", "TimeGenerated"));
  const operation = text("operationName", "OperationName");
  if (operation === "") return undefined;
  if (operation !== "GetBlob") return otherRequest(at);
  const isOwn = text("userAgentHeader", "UserAgentHeader").startsWith("feedctl");
  const keys = [...keysOf(text("objectKey", "ObjectKey"), 2), ...keysOf(pathOf(text("uri", "Uri")), 1)];
  return requestAt(at, { keys, status: Number(text("statusCode", "StatusCode")), isOwn });
}
