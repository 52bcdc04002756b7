/*
 * Encodes user metadata for Azure. Its names are case-insensitive C# identifiers and its values header text, while ours
 * are any text. Names: `a-z` and `0-9` stay, every other UTF-8 byte becomes `_hh`. A leading digit is escaped, too, and
 * so is the first letter of a name that feedctl or Azure reserves. Values: printable ASCII stays unless it has blanks
 * that a header would lose; other values become `utf-8''` and percent-encoding, as in RFC 8187. Entries of other tools
 * that this encoding cannot produce are returned unchanged, their names in lower case as a HEAD returns them.
 */
import type { PutOptions } from "../store.ts";

const MODIFIED = "mtime";
const SHA256 = "sha256";
const reserved = [MODIFIED, SHA256, "hdi_isfolder"];
const ENCODED = "utf-8''";
/** Encodes the empty name. No escape looks like it. */
const NAMELESS = "__";

export interface StoredMetadata {
  sha256: string | undefined;
  modified: Date | undefined;
  /** The metadata that were passed to `put`. Undefined: none. */
  metadata: Record<string, string> | undefined;
  /** A directory marker of a hierarchical account or of Hadoop. */
  isFolder: boolean;
}

export function toAzureMetadata({ sha256, modified, metadata }: PutOptions): Record<string, string> {
  const result: Record<string, string> = {};
  if (sha256 !== undefined) result[SHA256] = sha256;
  if (modified !== undefined) result[MODIFIED] = modified.toISOString();
  for (const [name, value] of Object.entries(metadata ?? {})) result[encodeName(name)] = encodeValue(value);
  return result;
}

export function fromAzureMetadata(stored: Record<string, string> | undefined): StoredMetadata {
  const result: StoredMetadata = { sha256: undefined, modified: undefined, metadata: undefined, isFolder: false };
  for (const [spelled, value] of Object.entries(stored ?? {})) {
    const name = spelled.toLowerCase();
    // an entry of feedctl's names that feedctl cannot have written is the user's own
    if (name === SHA256 && /^[0-9a-f]{64}$/.test(value)) result.sha256 = value;
    else if (name === MODIFIED && parseDate(value) !== undefined) result.modified = parseDate(value);
    else if (name === "hdi_isfolder") result.isFolder = value.toLowerCase() === "true";
    else (result.metadata ??= {})[decodeName(name)] = decodeValue(value);
  }
  return result;
}

function encodeName(name: string): string {
  let result = "";
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte);
    const stays = result === "" ? /[a-z]/.test(character) && !reserved.includes(name) : /[a-z0-9]/.test(character);
    result += stays ? character : `_${byte.toString(16).padStart(2, "0")}`;
  }
  return result === "" ? NAMELESS : result;
}

function decodeName(name: string): string {
  if (name === NAMELESS) return "";
  const escaped = name.replace(/_([0-9a-f]{2})|%/g, (_, hex: string | undefined) => `%${hex ?? "25"}`);
  let decoded: string;
  try {
    decoded = decodeURIComponent(escaped);
  } catch {
    // A name of another tool, such as `foo_bar`: feedctl only escapes whole UTF-8 characters.
    return name;
  }
  return encodeName(decoded) === name ? decoded : name;
}

function encodeValue(value: string): string {
  const survives = /^(?:[!-~]+(?: [!-~]+)*)$/.test(value) && !value.startsWith(ENCODED);
  return survives ? value : ENCODED + encodeURIComponent(value.toWellFormed());
}

function decodeValue(value: string): string {
  if (!value.startsWith(ENCODED)) return value;
  try {
    return decodeURIComponent(value.slice(ENCODED.length));
  } catch {
    // A value of another tool: feedctl never writes a broken escape.
    return value;
  }
}

function parseDate(text: string): Date | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
