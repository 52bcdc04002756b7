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
