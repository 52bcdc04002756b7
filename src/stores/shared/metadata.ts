// What feedctl keeps of a blob as user metadata, where a provider has nothing but names and values that fit into headers.
import type { PutOptions } from "../store.ts";

/** `mtime` is rclone's entry for the same thing; how it writes the time depends on the provider. */
const OWN = { sha256: "sha256", modified: "mtime", rest: "feedctl" } as const;
const own = new Set<string>(Object.values(OWN));

/** What a header carries verbatim through every server and proxy; names lose their case, and nginx drops odd ones. */
const PLAIN_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const PLAIN_VALUE = /^[\x21-\x7e]+( [\x21-\x7e]+)*$/;

/**
 * The user metadata to store: `sha256`, `mtime` in the form that other tools of the provider use, and the caller's. Entries that a header can carry as they are get a
 * header each, as any other tool would write them. All others (capitals or blanks in the name, letters beyond ASCII,
 * an empty value, a name of ours) go into one entry `feedctl`: percent-encoded JSON.
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
  /** As it is written. */
  mtime: string | undefined;
  /** The caller's. Undefined: there is none. */
  metadata: Record<string, string> | undefined;
}

export function decodeMetadata(stored: Readonly<Record<string, string>>): StoredMetadata {
  const metadata = Object.fromEntries(Object.entries(stored).filter(([name]) => !own.has(name)));
  Object.assign(metadata, decodeRest(stored[OWN.rest]));
  const sha256 = stored[OWN.sha256]?.toLowerCase();
  return {
    sha256: sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined,
    mtime: stored[OWN.modified],
    metadata: Object.keys(metadata).length === 0 ? undefined : metadata,
  };
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
