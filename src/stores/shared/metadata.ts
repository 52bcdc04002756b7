// How feedctl stores the sha256, the time and the user metadata of a blob in metadata headers.
import type { PutOptions } from "../store.ts";

/** `mtime` is the name that rclone uses, too. Its format depends on the provider. */
const OWN = { sha256: "sha256", modified: "mtime", rest: "feedctl" } as const;
const own = new Set<string>(Object.values(OWN));

/** Headers that servers and proxies pass unchanged. Names with capitals lose them, and nginx drops unusual names. */
const PLAIN_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const PLAIN_VALUE = /^[\x21-\x7e]+( [\x21-\x7e]+)*$/;

/**
 * The metadata headers of a blob: `sha256`, `mtime` as `writeTime` formats it, and the caller's entries. An entry that
 * fits into a header gets a header of its own, as any other tool would write it. The others (a name with capitals or
 * blanks, characters beyond ASCII, an empty value, a name that feedctl uses) go into one header `feedctl` as
 * percent-encoded JSON.
 */
export function encodeMetadata(
  options: Pick<PutOptions, "sha256" | "modified" | "metadata">,
  writeTime: (time: Date) => string,
): Record<string, string> {
  const encoded: Record<string, string> = {};
  if (options.sha256 !== undefined) encoded[OWN.sha256] = options.sha256;
  if (options.modified !== undefined) encoded[OWN.modified] = writeTime(options.modified);
  const rest: [string, string][] = [];
  for (const [name, value] of Object.entries(options.metadata ?? {})) {
    if (PLAIN_NAME.test(name) && !own.has(name) && PLAIN_VALUE.test(value)) encoded[name] = value;
    else rest.push([name, value]);
  }
  if (rest.length > 0) encoded[OWN.rest] = encodeURIComponent(JSON.stringify(Object.fromEntries(rest)));
  return encoded;
}

export interface StoredMetadata {
  sha256: string | undefined;
  /** As stored; its format depends on the provider. */
  mtime: string | undefined;
  /** The caller's entries. Undefined: there are none. */
  metadata: Record<string, string> | undefined;
}

/** An entry of feedctl's names that feedctl cannot have written is the user's own. */
export function decodeMetadata(stored: Readonly<Record<string, string>>): StoredMetadata {
  const sha256 = stored[OWN.sha256]?.toLowerCase();
  const mtime = stored[OWN.modified];
  const isHash = sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256);
  const isTime =
    mtime !== undefined && (Number.isFinite(Number(mtime || Number.NaN)) || !Number.isNaN(Date.parse(mtime)));
  const rest = decodeRest(stored[OWN.rest]);
  const understood: Record<string, boolean> = { sha256: isHash, mtime: isTime, feedctl: rest !== undefined };
  const metadata = Object.fromEntries(Object.entries(stored).filter(([name]) => understood[name] !== true));
  Object.assign(metadata, rest);
  return {
    sha256: isHash ? sha256 : undefined,
    mtime: isTime ? mtime : undefined,
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
  };
}

/** Undefined for text that feedctl did not write: another tool may use a header of the same name. */
function decodeRest(text: string | undefined): Record<string, string> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(decodeURIComponent(text));
    if (typeof value !== "object" || value === null) return undefined;
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof URIError) return undefined;
    throw error;
  }
}
