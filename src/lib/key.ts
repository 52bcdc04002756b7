declare const keyBrand: unique symbol;
/**
 * The name of a blob inside its store: well-formed UTF-8, `/`-separated, relative, no empty, `.` or `..` segment, no
 * control characters, at most 1,024 bytes (Amazon S3's limit, the smallest of all clouds).
 */
export type Key = string & { readonly [keyBrand]: true };

/**
 * The key of the marker at the root of a store, which says whose store it is. No other key has a segment of that name, in
 * any letter case: listings leave markers out, and no copy or deletion of blobs touches one.
 */
export const MARKER_KEY = ".feedctl-store" as Key;

/**
 * Below it are the probes: blobs with which feedctl tries what a store can do, each in a folder of its own with a random
 * name. No other key has such a folder. A listing leaves probes out unless its prefix reaches into `PROBES`, and no copy
 * or deletion of blobs touches one, so that those of a killed process are not taken for blobs.
 */
export const PROBES = "feedctl-probe/";
const PROBE = /(?:^|\/)feedctl-probe\/[0-9a-f]{16}(?:\/|$)/;

/** Both in one expression, because every listed name is tested. */
const RESERVED = /(?:^|\/)(?:\.feedctl-store|feedctl-probe\/[0-9a-f]{16})(?:\/|$)/i;

const MAX_KEY_BYTES = 1024;
// oxlint-disable-next-line no-control-regex -- the pattern exists to find control characters
const CONTROL = /[\u0000-\u001f\u007f]/;
/** The first segment that is empty, `.` or `..`. */
const BAD_SEGMENT = /(?:^|\/)(\.{0,2})(?:\/|$)/;

/** Why `text` is not a key, or undefined if it is one. */
export function keyProblem(text: string): string | undefined {
  return pathProblem(text) ?? reservedProblem(text);
}

/** As `keyProblem`, but the names of markers and probes are allowed. */
export function pathProblem(text: string): string | undefined {
  if (text !== "" && CONTROL.test(text)) return "holds a control character";
  const segment = text === "" ? undefined : BAD_SEGMENT.exec(text)?.[1];
  if (segment === "") return "starts or ends with a slash, or has a double slash";
  if (segment !== undefined) return `has the segment "${segment}"`;
  return textProblem(text);
}

/**
 * Why `text` is the name of no blob in a cloud; undefined if it may be one. Clouds hold names that are not keys, such as
 * `a//b` and `a/../b`. Only a mirror from one cloud to another copies them.
 */
export function blobNameProblem(text: string): string | undefined {
  return textProblem(text) ?? reservedProblem(text);
}

function textProblem(text: string): string | undefined {
  if (text === "") return "is empty";
  if (!text.isWellFormed()) return "is not well-formed Unicode";
  // a UTF-16 unit has at most three bytes
  if (text.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(text) > MAX_KEY_BYTES)
    return `is longer than ${MAX_KEY_BYTES} bytes`;
  return undefined;
}

function reservedProblem(text: string): string | undefined {
  if (!RESERVED.test(text)) return undefined;
  return isProbe(text)
    ? `is below "${PROBES}", which is reserved for probes`
    : `has the segment "${MARKER_KEY}", which is reserved`;
}

/** Whether a blob is the empty one by which other tools mark a folder in a cloud. */
export function isFolderMarker(name: string, size: number): boolean {
  return size === 0 && name.endsWith("/");
}

/** Whether a name in a store is a marker: of the store itself, or of one inside it. */
export function isMarker(name: string): boolean {
  return name.endsWith(MARKER_KEY) && (name.length === MARKER_KEY.length || name.at(-1 - MARKER_KEY.length) === "/");
}

/** Whether a name in a store is a probe: of the store itself, or of one inside it. */
export function isProbe(name: string): boolean {
  return PROBE.test(name);
}

/** The key of a probe. `random`: 8 bytes, so that nobody else uses its folder. Without a name: the folder, with a slash. */
export function probeKey(random: Uint8Array, name = ""): Key {
  return `${PROBES}${Buffer.from(random).toString("hex")}/${name}` as Key;
}

export function isKey(text: string): text is Key {
  return keyProblem(text) === undefined;
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
