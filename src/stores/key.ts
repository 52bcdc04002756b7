import { FeedctlError } from "../errors.ts";

declare const keyBrand: unique symbol;
/**
 * The name of a blob inside its store: well-formed UTF-8, `/`-separated, relative, no empty, `.` or `..` segment, no
 * control characters, at most 1,024 bytes (Amazon S3's limit, the smallest of all clouds).
 */
export type Key = string & { readonly [keyBrand]: true };

/**
 * The name of the marker at the root of a feed's store, which says whose store it is. No key has a segment of that name,
 * in any letter case: listings leave markers out, and no copy or deletion of blobs touches one.
 */
const MARKER_NAME = ".feedctl-store";

/** The key of the marker of a store itself. `parseKey` refuses it. */
export const MARKER_KEY = MARKER_NAME as Key;

const MAX_KEY_BYTES = 1024;
// oxlint-disable-next-line no-control-regex -- the pattern exists to find control characters
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Why `text` is not a key, or undefined if it is one. Unlike `parseKey` it lets a listing report it and continue. */
export function keyProblem(text: string): string | undefined {
  if (text === "") return "is empty";
  if (!text.isWellFormed()) return "is not well-formed Unicode";
  if (Buffer.byteLength(text) > MAX_KEY_BYTES) return `is longer than ${MAX_KEY_BYTES} bytes`;
  if (CONTROL.test(text)) return "holds a control character";
  for (const segment of text.split("/")) {
    if (segment === "") return "starts or ends with a slash, or has a double slash";
    if (segment === "." || segment === "..") return `has the segment "${segment}"`;
    if (segment.length === MARKER_NAME.length && segment.toLowerCase() === MARKER_NAME)
      return `has the segment "${segment}", which feedctl reserves for the markers of stores`;
  }
  return undefined;
}

/** Whether a name in a store is a marker: of the store itself, or of one inside it. */
export function isMarker(name: string): boolean {
  return name === MARKER_NAME || name.endsWith(`/${MARKER_NAME}`);
}

export function isKey(text: string): text is Key {
  return keyProblem(text) === undefined;
}

/** Throws `invalid` with the reason when `text` is not a key. */
export function parseKey(text: string): Key {
  const problem = keyProblem(text);
  if (problem !== undefined) throw new FeedctlError("invalid", `the key ${JSON.stringify(text)} ${problem}`);
  return text as Key;
}

/**
 * Compares by UTF-8 byte order, the order of the clouds' listings. JavaScript's `<` compares UTF-16 units and
 * differs for characters beyond U+FFFF: surrogates (D800-DFFF) must sort after E000-FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/**
 * A cloud target path as a key prefix: `""` for the root, else `a/b/`. Leading, trailing and doubled slashes are
 * ignored in every cloud. (ProGet's rules differ between S3 and Azure; see the README of this folder.)
 */
export function parseTargetPath(text: string): string {
  const segments = text.split("/").filter((segment) => segment !== "");
  if (segments.length === 0) return "";
  return `${parseKey(segments.join("/"))}/`;
}
