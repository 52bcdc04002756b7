// Reads a page of ListObjectsV2 in one pass. The SDK's parser builds two trees of it, which takes forty times as long
// and blocks every transfer meanwhile.
import { specialEnd, unescapeXml } from "../shared/xml-text.ts";

/** Values as the page has them: names are still encoded with `encoding`. */
export interface ListingPage {
  contents: ListedObject[];
  truncated: boolean | undefined;
  token: string | undefined;
  keyCount: number | undefined;
  encoding: string | undefined;
  /** The response's header `Server`. */
  server?: string | undefined;
}

export interface ListedObject {
  key: string | undefined;
  size: number | undefined;
  etag: string | undefined;
  modified: Date | undefined;
  storageClass?: string | undefined;
}

const ROOT = "ListBucketResult";
const WANTED = [
  new Set(["IsTruncated", "NextContinuationToken", "KeyCount", "EncodingType"]),
  new Set(["Key", "Size", "ETag", "LastModified", "StorageClass"]),
] as const;
const LT = 0x3c;
const SPACES = /^[\t\n\r ]*/;

/**
 * Parses a page. `undefined`: it is not a listing. `"cut"`: it begins as a listing and is truncated. Elements may come
 * in any order, with prefixes, attributes, blanks and comments; unknown ones are skipped.
 */
export function scanListing(bytes: Buffer): ListingPage | "cut" | undefined {
  // One character per byte, so that positions are the same in text and bytes. Values are decoded from the bytes: slices
  // of `text` would keep the whole page in memory.
  const text = bytes.toString("latin1");
  const page: ListingPage = {
    contents: [],
    truncated: undefined,
    token: undefined,
    keyCount: undefined,
    encoding: undefined,
  };
  let object: ListedObject = nothing();
  /** Open elements with their prefixes. */
  const open: string[] = [];
  let leaf = "";
  let value = "";
  let plainStart = -1;
  let ended = false;

  /** Appends the text since the last tag to the value of the innermost element, if that is wanted. */
  const appendText = (end: number) => {
    if (leaf !== "" && plainStart < end) value += unescapeXml(bytes.toString("utf8", plainStart, end));
  };

  const start = (name: string): boolean => {
    const local = localName(name);
    if (ended || (open.length === 0 && local !== ROOT)) return false;
    open.push(name);
    leaf = WANTED[open.length - 2]?.has(local) === true ? local : "";
    value = "";
    if (open.length === 2 && local === "Contents") object = nothing();
    return true;
  };

  const finish = (name: string): boolean => {
    if (open.pop() !== name) return false;
    const local = localName(name);
    if (open.length === 0) ended = true;
    else if (open.length === 1 && local === "Contents") page.contents.push(object);
    else if (leaf === local && open.length === 1) setOfPage(page, local, value);
    else if (leaf === local && open.length === 2 && localName(open[1]!) === "Contents")
      setOfObject(object, local, value);
    leaf = "";
    return true;
  };

  let position = SPACES.exec(text.charCodeAt(0) === 0xef ? text.slice(3) : text)![0].length;
  if (text.charCodeAt(0) === 0xef) position += 3;
  if (text.charCodeAt(position) !== LT) return undefined;
  plainStart = position;
  for (;;) {
    const tag = text.indexOf("<", plainStart);
    if (tag < 0) break;
    appendText(tag);
    const second = text.charCodeAt(tag + 1);
    if (second === 0x3f || second === 0x21) {
      const special = specialEnd(text, tag);
      if (special === "cut") break;
      if (special === undefined) return undefined;
      if (leaf !== "" && special.cdata !== undefined) value += bytes.toString("utf8", special.cdata, special.end - 3);
      plainStart = special.end;
      continue;
    }
    const end = tagEnd(text, tag);
    if (end < 0) break;
    plainStart = end + 1;
    if (second === 0x2f) {
      if (!finish(nameAt(text, tag + 2, end))) return undefined;
      continue;
    }
    const empty = text.charCodeAt(end - 1) === 0x2f;
    const name = nameAt(text, tag + 1, empty ? end - 1 : end);
    if (!start(name) || (empty && !finish(name))) return undefined;
  }
  if (ended) return page;
  return open.length > 0 || isBeginning(text) ? "cut" : undefined;
}

const nothing = (): ListedObject => ({ key: undefined, size: undefined, etag: undefined, modified: undefined });

function setOfPage(page: ListingPage, name: string, value: string): void {
  if (name === "IsTruncated") page.truncated = /^\s*(true|false)\s*$/i.test(value) ? /true/i.test(value) : undefined;
  else if (name === "NextContinuationToken") page.token = value;
  else if (name === "KeyCount") page.keyCount = numberOf(value);
  else if (name === "EncodingType") page.encoding = value.trim();
}

function setOfObject(object: ListedObject, name: string, value: string): void {
  if (name === "Key") object.key = value;
  else if (name === "Size") object.size = numberOf(value);
  else if (name === "ETag") object.etag = value.trim();
  else if (name === "StorageClass") object.storageClass = value.trim();
  else if (name === "LastModified") object.modified = dateOf(value.trim());
}

function numberOf(value: string): number | undefined {
  return /^\s*\d+\s*$/.test(value) ? Number(value) : undefined;
}

function dateOf(value: string): Date | undefined {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Where a tag ends, or -1. A `>` in a quoted attribute does not end it. */
function tagEnd(text: string, tag: number): number {
  const end = text.indexOf(">", tag);
  if (end < 0) return end;
  let quote = 0;
  for (let i = tag + 1; ; i++) {
    const one = text.charCodeAt(i);
    if (Number.isNaN(one)) return -1;
    if (quote !== 0) quote = one === quote ? 0 : quote;
    else if (one === 0x22 || one === 0x27) quote = one;
    else if (one === 0x3e) return i;
  }
}

function nameAt(text: string, from: number, end: number): string {
  let to = from;
  while (to < end && text.charCodeAt(to) > 0x20) to++;
  return text.slice(from, to);
}

function localName(name: string): string {
  const colon = name.indexOf(":");
  return colon < 0 ? name : name.slice(colon + 1);
}

/** Whether the text was truncated within its first tag or before it. */
function isBeginning(text: string): boolean {
  return /^(?:\xef\xbb\xbf)?\s*<\?xml/.test(text) || /^(?:\xef\xbb\xbf)?\s*<(?:[\w.-]+:)?ListBucketResult/.test(text);
}
