import { parse, TomlError, type TomlTable } from "smol-toml";
import { invalid } from "../read-package.ts";
import type { TextPosition } from "./yaml-places.ts";

/** Integers beyond 2^53, infinities and dates become strings: no format calculates with them. */
export type Toml = string | number | boolean | Toml[] | { [key: string]: Toml };

/** Parses a TOML manifest. Rejects other encodings than UTF-8, duplicate keys and deep nesting. */
export function parseToml(bytes: Buffer, manifest: string): Record<string, Toml> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(`its ${manifest} is not UTF-8 text`, error);
  }
  return plainTable(parseText(text, manifest), manifest, 0);
}

export function isTomlTable(value: Toml | undefined): value is Record<string, Toml> {
  return typeof value === "object" && !Array.isArray(value);
}

/** Position of the syntax error that `parseToml` threw; undefined when the error is another one. */
export function tomlErrorPlace(error: unknown): TextPosition | undefined {
  const { cause } = error as { cause?: unknown };
  return cause instanceof TomlError ? { line: cause.line, column: cause.column } : undefined;
}

/**
 * The position of an entry, by its names from the top of the file; of the innermost table around it when the entry is in
 * an inline table. The parser keeps no positions: the file is read line by line, and each line's key by the parser.
 */
export function findTomlEntry(text: string, entry: readonly string[]): TextPosition | undefined {
  let table: readonly string[] = [];
  let found: { depth: number; place: TextPosition } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const header = /^\s*\[([^[\]].*)\]\s*(?:#.*)?$/.exec(line)?.[1];
    if (header !== undefined) table = keysOf(header) ?? [];
    const path = header === undefined ? [...table, ...(keysOf(/^[^=#]+(?==)/.exec(line)?.[0] ?? "") ?? [])] : table;
    const isAround = path.length > 0 && path.length <= entry.length && path.every((key, at) => key === entry[at]);
    if (isAround && path.length > (found?.depth ?? 0))
      found = { depth: path.length, place: { line: index + 1, column: line.search(/\S/) + 1 } };
  }
  return found?.place;
}

/** The names of a key, which may be dotted and quoted. */
function keysOf(key: string): string[] | undefined {
  const keys: string[] = [];
  try {
    for (let value: unknown = parse(`${key} = 0`); typeof value === "object"; value = Object.values(value ?? {})[0])
      keys.push(...Object.keys(value ?? {}));
  } catch {
    return undefined; // a line of a longer value
  }
  return keys;
}

const MAX_DEPTH = 64;

function parseText(text: string, manifest: string): TomlTable {
  try {
    return parse(text, { integersAsBigInt: "asNeeded", maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Only the first line: an excerpt of the source follows.
    const what = /^Invalid TOML document: ([^\n]*)/.exec(error.message)?.[1] ?? "malformed";
    throw invalid(`its ${manifest} is not TOML (line ${error.line}: ${what})`, error);
  }
}

function plainTable(table: object, manifest: string, depth: number): Record<string, Toml> {
  // The parser's own limit does not apply to dotted keys.
  if (depth > MAX_DEPTH) throw invalid(`its ${manifest} is nested deeper than ${MAX_DEPTH} levels`);
  // Built from entries, so that a key `__proto__` is a member like any other.
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, plain(value, manifest, depth + 1)]));
}

function plain(value: unknown, manifest: string, depth: number): Toml {
  if (Array.isArray(value)) return value.map((item) => plain(item, manifest, depth));
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "object" && value !== null) return plainTable(value, manifest, depth);
  const isPlain = typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
  return isPlain ? (value as string | number | boolean) : String(value);
}
