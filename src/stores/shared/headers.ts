import { isUtf8 } from "node:buffer";
import type { BlobHeaders } from "../store.ts";

/** The headers that have a value. Undefined: none has. */
export function givenHeaders(headers: BlobHeaders): BlobHeaders | undefined {
  const given = Object.entries(headers).filter(([, value]) => value !== undefined && value !== "");
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

/** Whether both have the same headers. */
export function sameHeaders(one: BlobHeaders = {}, other: BlobHeaders = {}): boolean {
  const names = ["contentEncoding", "contentDisposition", "contentLanguage", "expires"] as const;
  return names.every((name) => one[name] === other[name]);
}

/** A header's value as it is sent: HTTP clients write one byte for each character, and servers read UTF-8. */
export function sentValue(value: string): string {
  return BEYOND_ASCII.test(value) ? Buffer.from(value).toString("latin1") : value;
}

/** A header's value whose bytes an HTTP client has read as Latin-1. Bytes that are not UTF-8 stay as they were read. */
export function receivedValue(value: string): string {
  if (!BEYOND_ASCII.test(value)) return value;
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString() : value;
}

// oxlint-disable-next-line no-control-regex -- the range of ASCII begins there
const BEYOND_ASCII = /[^\u0000-\u007f]/;
