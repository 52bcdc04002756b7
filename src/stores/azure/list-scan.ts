// Reads a page of List Blobs in one pass. The SDK's parser builds a tree of it and maps that to objects, which takes
// fifty times as long and blocks every transfer meanwhile.
import { specialEnd, unescapeXml } from "../shared/xml-text.ts";

export interface ListingPage {
  blobs: ListedBlob[];
  /** The continuation marker; empty on the last page. Undefined: the page does not say. */
  next: string | undefined;
}

/** The values of the page, decoded and not validated. */
export interface ListedBlob {
  name: string | undefined;
  size: number | undefined;
  lastModified: string | undefined;
  etag: string | undefined;
  /** Base64. */
  md5: string | undefined;
  contentType: string | undefined;
  cacheControl: string | undefined;
  contentEncoding: string | undefined;
  contentDisposition: string | undefined;
  contentLanguage: string | undefined;
  metadata: Record<string, string> | undefined;
  /** Such as `Hot` and `Archive`. */
  tier?: string | undefined;
}

/** The state of the scanner: the kind of the innermost open element, which decides the kinds of its children. */
const [OUTSIDE, PAGE, BLOBS, BLOB, PROPERTIES, METADATA, TEXT, OTHER] = [0, 1, 2, 3, 4, 5, 6, 7];
const texts = {
  "Content-MD5": "md5",
  "Content-Type": "contentType",
  "Cache-Control": "cacheControl",
  "Content-Encoding": "contentEncoding",
  "Content-Disposition": "contentDisposition",
  "Content-Language": "contentLanguage",
  AccessTier: "tier",
} as const;
const wanted = new Set(["Content-Length", "Last-Modified", "Etag", ...Object.keys(texts)]);

const [BANG, SLASH, QUESTION, LT] = [0x21, 0x2f, 0x3f, 0x3c];

/**
 * Parses a page. `undefined`: it is not a listing. `"cut"`: it begins as a listing and is truncated. Elements may come
 * in any order; unknown ones are skipped with their content.
 */
export function scanListing(bytes: Buffer): ListingPage | "cut" | undefined {
  // One character per byte, so that positions are the same in text and bytes. Values are decoded from the bytes: slices
  // of `text` would keep the whole page in memory.
  const text = bytes.toString("latin1");
  const page: ListingPage = { blobs: [], next: undefined };
  let blob = nothing();
  /** The names of the open elements; `places` has their kinds. */
  const open: string[] = [];
  const places: number[] = [OUTSIDE];
  let place = OUTSIDE;
  let encoded = false;
  let value = "";

  const finish = (name: string): boolean => {
    if (open.pop() !== name) return false;
    if (place === BLOB) page.blobs.push(blob);
    const read = place === TEXT;
    places.pop();
    place = places.at(-1)!;
    if (!read) return true;
    if (encoded) value = decodePercent(value);
    if (place === PAGE) page.next = value;
    else if (place === BLOB) blob.name = value;
    else if (place === METADATA) (blob.metadata ??= {})[name] = value;
    else setProperty(blob, name, value);
    return true;
  };

  let position = text.startsWith("\xef\xbb\xbf") ? 3 : 0;
  while (position < text.length && text.charCodeAt(position) <= 0x20) position++;
  if (text.charCodeAt(position) !== LT) return undefined;
  let ended = false;
  for (;;) {
    const tag = text.indexOf("<", position);
    if (tag < 0) break;
    if (place === TEXT && position < tag) value += unescapeXml(bytes.toString("utf8", position, tag));
    const second = text.charCodeAt(tag + 1);
    if (second === QUESTION || second === BANG) {
      const special = specialEnd(text, tag);
      if (special === "cut") break;
      if (special === undefined) return undefined;
      if (place === TEXT && special.cdata !== undefined)
        value += bytes.toString("utf8", special.cdata, special.end - 3);
      position = special.end;
      continue;
    }
    const to = nameEnd(text, tag + 1);
    const end = tagEnd(text, to);
    if (end < 0) break;
    position = end + 1;
    if (ended) return undefined;
    if (second === SLASH) {
      if (!finish(text.slice(tag + 2, to))) return undefined;
    } else {
      const name = text.slice(tag + 1, to);
      if (place === OUTSIDE && name !== "EnumerationResults") return undefined;
      place = childOf(place, name);
      if (place === BLOB) blob = nothing();
      else if (place === TEXT) encoded = to < end && /\sEncoded\s*=\s*["']true["']/i.test(text.slice(to, end));
      value = "";
      open.push(name);
      places.push(place);
      if (text.charCodeAt(end - 1) === SLASH && !finish(name)) return undefined;
    }
    ended = open.length === 0;
  }
  if (ended) return page;
  return open.length > 0 || isBeginning(text) ? "cut" : undefined;
}

function childOf(parent: number, name: string): number {
  if (parent === PROPERTIES) return wanted.has(name) ? TEXT : OTHER;
  if (parent === METADATA) return TEXT;
  if (parent === BLOB) {
    if (name === "Name") return TEXT;
    return name === "Properties" ? PROPERTIES : name === "Metadata" ? METADATA : OTHER;
  }
  if (parent === BLOBS) return name === "Blob" ? BLOB : OTHER;
  if (parent === PAGE) return name === "Blobs" ? BLOBS : name === "NextMarker" ? TEXT : OTHER;
  return parent === OUTSIDE ? PAGE : OTHER;
}

function nothing(): ListedBlob {
  return {
    name: undefined,
    size: undefined,
    lastModified: undefined,
    etag: undefined,
    md5: undefined,
    contentType: undefined,
    cacheControl: undefined,
    contentEncoding: undefined,
    contentDisposition: undefined,
    contentLanguage: undefined,
    metadata: undefined,
  };
}

function setProperty(blob: ListedBlob, name: string, value: string): void {
  if (name === "Content-Length") blob.size = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  else if (name === "Last-Modified") blob.lastModified = value;
  else if (name === "Etag") blob.etag = value;
  else if (value !== "") blob[texts[name as keyof typeof texts]] = value;
}

/** Decodes a name with `Encoded="true"`, which XML could not represent. Leaves malformed encoding unchanged. */
function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Where the name at `from` ends. A slash may begin the name (of an end tag), or end the tag. */
function nameEnd(text: string, from: number): number {
  for (let to = from; ; to++) {
    const one = text.charCodeAt(to);
    // True of NaN as well, the end of the text.
    if (!(one > 0x20) || one === 0x3e || (one === SLASH && to > from)) return to;
  }
}

/** Where the tag with these attributes ends, or -1. A `>` in quotes does not end it. */
function tagEnd(text: string, attributes: number): number {
  let quote = 0;
  for (let i = attributes; ; i++) {
    const one = text.charCodeAt(i);
    if (Number.isNaN(one)) return -1;
    if (quote !== 0) quote = one === quote ? 0 : quote;
    else if (one === 0x22 || one === 0x27) quote = one;
    else if (one === 0x3e) return i;
  }
}

/** Whether the text was truncated within its first tag or before it. */
function isBeginning(text: string): boolean {
  return /^(?:\xef\xbb\xbf)?\s*<(?:\?xml|EnumerationResults)/.test(text);
}
