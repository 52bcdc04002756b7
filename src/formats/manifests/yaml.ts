import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, Parser, type CST, type YAMLMap } from "yaml";
import { limits } from "../../lib/limits.ts";
import { beyondLimit, invalid } from "../read-package.ts";

/** Scalars stay strings as written: `version: 1.10` is not 1.1, and `null` is a string. An empty scalar is "". */
export type YamlValue = string | YamlValue[] | { [key: string]: YamlValue };

export interface YamlRules {
  /**
   * Aliases can make a small file expand without bound. `reject` refuses them; `blank` replaces them with "" and warns,
   * for manifests in which old tools used aliases outside the identity. Default: `reject`.
   */
  aliases?: "reject" | "blank" | undefined;
  /** Where warnings go. */
  warnings?: string[] | undefined;
}

/**
 * Parses a YAML manifest: one document in UTF-8. Tags are ignored, except `!binary`, which is decoded. Rejects
 * duplicate keys, keys that are not text, and deep nesting.
 */
export function parseYaml(bytes: Buffer, manifest: string, rules: YamlRules = {}): YamlValue {
  const document = parse(decode(bytes, manifest), manifest);
  const error = document.errors[0];
  if (error !== undefined) throw notYaml(manifest, error.message, error);
  const reading: Reading = { manifest, aliases: 0, reject: rules.aliases !== "blank" };
  const value = toValue(document.contents, reading, 0);
  if (reading.aliases > 0) rules.warnings?.push(`its ${manifest} uses YAML aliases, which were passed over`);
  return value;
}

/** As `parseYaml`, for a manifest whose top must be a mapping. */
export function parseYamlMapping(bytes: Buffer, manifest: string, rules: YamlRules = {}): Record<string, YamlValue> {
  const value = parseYaml(bytes, manifest, rules);
  if (!isYamlMapping(value)) throw invalid(`its ${manifest} is not a YAML mapping`);
  return value;
}

export function isYamlMapping(value: YamlValue | undefined): value is Record<string, YamlValue> {
  return typeof value === "object" && !Array.isArray(value);
}

function decode(bytes: Buffer, manifest: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(`its ${manifest} is not UTF-8 text`, error);
  }
}

/** Runs the three stages of the library itself. Its `parseDocument` recurses for every level; here a limit stops it. */
function parse(text: string, manifest: string) {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++lexemes > limits.yamlTokens) throw beyondLimit("yamlTokens", `its ${manifest} has`, { noun: "YAML tokens" });
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > 2 * limits.yamlDepth) throw tooDeep(manifest);
  }
  tokens.push(...parser.end());
  // The library compares every key with every other one to find duplicates; below, a Map does that.
  const composer = new Composer({ schema: "failsafe", logLevel: "error", uniqueKeys: false });
  // ... and it would collect an error for every character
  let failure: Error | undefined;
  const onError = (_: unknown, code: string, message: string, isWarning?: boolean) => {
    // it catches errors, and reports them again
    if (isWarning !== true) throw (failure ??= notYaml(manifest, message, code));
  };
  Object.assign(composer, { onError });
  const documents = composer.compose(tokens, true, text.length);
  const first = documents.next().value;
  if (first === undefined || documents.next().done !== true)
    throw invalid(`its ${manifest} holds several YAML documents`);
  return first;
}

function notYaml(manifest: string, reason: string, cause: unknown) {
  return invalid(`its ${manifest} is not YAML (${reason})`, cause);
}

function tooDeep(manifest: string) {
  return beyondLimit("yamlDepth", `its ${manifest} is nested`, { noun: "levels deep" });
}

interface Reading {
  readonly manifest: string;
  readonly reject: boolean;
  /** How many aliases were found so far. */
  aliases: number;
}

function toValue(node: unknown, reading: Reading, depth: number): YamlValue {
  const { manifest } = reading;
  if (depth > limits.yamlDepth) throw tooDeep(manifest);
  if (node === null || node === undefined) return "";
  if (isAlias(node)) {
    if (reading.reject) throw invalid(`its ${manifest} uses YAML aliases`);
    reading.aliases++;
    return "";
  }
  if (isSeq(node)) return node.items.map((item) => toValue(item, reading, depth + 1));
  if (isMap(node)) return toMapping(node, reading, depth);
  if (!isScalar(node)) throw invalid(`its ${manifest} holds a YAML node of an unknown kind`);
  const text = typeof node.value === "string" ? node.value : "";
  return node.tag === "!binary" || node.tag === "tag:yaml.org,2002:binary"
    ? Buffer.from(text, "base64").toString("utf8")
    : text;
}

function toMapping(map: YAMLMap, reading: Reading, depth: number): Record<string, YamlValue> {
  const { manifest } = reading;
  const members = new Map<string, YamlValue>();
  for (const { key, value } of map.items) {
    const name = toValue(key, reading, depth + 1);
    if (typeof name !== "string") throw invalid(`its ${manifest} has a key that is not text`);
    if (members.has(name)) throw invalid(`its ${manifest} has the key ${JSON.stringify(name.slice(0, 80))} twice`);
    members.set(name, toValue(value, reading, depth + 1));
  }
  // Built from entries, so that a key `__proto__` is a member like any other.
  return Object.fromEntries(members);
}
