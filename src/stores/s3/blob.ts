// What S3 tells of an object, as a `BlobInfo`, and what feedctl tells S3 of a blob, as user metadata.
import type { Key } from "../key.ts";
import type { BlobInfo, PutOptions } from "../store.ts";

/** `mtime` is rclone's entry for the same thing: seconds since 1970, with a fraction. */
const OWN = { sha256: "sha256", modified: "mtime", rest: "feedctl" } as const;
const own = new Set<string>(Object.values(OWN));

/** What a header carries verbatim through every server and proxy; names lose their case, and nginx drops odd ones. */
const PLAIN_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const PLAIN_VALUE = /^[\x21-\x7e]+( [\x21-\x7e]+)*$/;

/**
 * The user metadata to store: `sha256`, `mtime`, and the caller's. Entries that a header can carry as they are get a
 * header each, as any other tool would write them. All others (capitals or blanks in the name, letters beyond ASCII,
 * an empty value, a name of ours) go into one entry `feedctl`: percent-encoded JSON.
 */
export function encodeMetadata(options: PutOptions): Record<string, string> {
  const encoded: Record<string, string> = {};
  if (options.sha256 !== undefined) encoded[OWN.sha256] = options.sha256;
  if (options.modified !== undefined) encoded[OWN.modified] = String(options.modified.getTime() / 1000);
  const rest: [string, string][] = [];
  for (const [name, value] of Object.entries(options.metadata ?? {})) {
    if (PLAIN_NAME.test(name) && !own.has(name) && PLAIN_VALUE.test(value)) encoded[name] = value;
    else rest.push([name, value]);
  }
  if (rest.length > 0) encoded[OWN.rest] = encodeURIComponent(JSON.stringify(Object.fromEntries(rest)));
  return encoded;
}

function decodeMetadata(stored: Record<string, string>): Record<string, string> | undefined {
  const metadata = Object.fromEntries(Object.entries(stored).filter(([name]) => !own.has(name)));
  Object.assign(metadata, decodeRest(stored[OWN.rest]));
  return Object.keys(metadata).length === 0 ? undefined : metadata;
}

/** Somebody else may have written an entry of that name; then there is nothing of ours in it. */
function decodeRest(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(decodeURIComponent(text));
    if (typeof value !== "object" || value === null) return {};
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof URIError) return {};
    throw error;
  }
}

const USER = "x-amz-meta-";

/** From an answer's headers, names in lower case. `modified` is the stored `mtime` if any, else the time of storing. */
export function describeObject(key: Key, headers: Readonly<Record<string, string>>): BlobInfo {
  const stored: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(USER)) stored[name.slice(USER.length)] = value;
  const sha256 = stored[OWN.sha256]?.toLowerCase();
  const seconds = Number(stored[OWN.modified] || Number.NaN);
  const encrypted = isKms(headers) || headers["x-amz-server-side-encryption-customer-algorithm"] !== undefined;
  return {
    key,
    size: sizeOf(headers),
    modified: firstDate(Math.round(seconds * 1000), headers["last-modified"] ?? "") ?? new Date(0),
    tag: plainTag(headers["etag"]),
    md5: encrypted ? undefined : md5OfTag(headers["etag"]),
    sha256: sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined,
    contentType: headers["content-type"],
    cacheControl: headers["cache-control"],
    metadata: decodeMetadata(stored),
  };
}

/** Of the whole object, also where the answer brings a range of it: `bytes 0-9/1000`. */
function sizeOf(headers: Readonly<Record<string, string>>): number {
  const whole = /\/(\d+)$/.exec(headers["content-range"] ?? "")?.[1];
  return Number(whole ?? headers["content-length"] ?? 0);
}

function firstDate(...times: (number | string)[]): Date | undefined {
  return times.map((time) => new Date(time)).find((date) => !Number.isNaN(date.getTime()));
}

export function plainTag(etag: string | undefined): string | undefined {
  return etag?.replace(/^W\//, "").replace(/^"|"$/g, "");
}

/** A plain ETag is the MD5 of the content; a multipart one has a dash. Encrypted with KMS it only looks like one. */
export function md5OfTag(etag: string | undefined): string | undefined {
  const tag = plainTag(etag);
  return tag !== undefined && /^[0-9a-f]{32}$/.test(tag) ? tag : undefined;
}

export function isKms(headers: Readonly<Record<string, string>>): boolean {
  return headers["x-amz-server-side-encryption"]?.startsWith("aws:kms") ?? false;
}
