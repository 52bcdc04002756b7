import { Composer, isAlias, isMap, isNode, isScalar, isSeq, Lexer, Parser, type CST, type YAMLMap } from "yaml";
import { limits } from "../../lib/limits.ts";
import { beyondLimit, invalid } from "../read-package.ts";
import type { YamlPlaces } from "./yaml-places.ts";

/** Scalars stay strings as written: `version: 1.10` is not 1.1, and `null` is a string. An empty scalar is "". */
export type YamlValue = string | YamlValue[] | { [key: string]: YamlValue };

export interface YamlRules {
  /**
   * `expand` replaces aliases with what they name, up to `limits.yamlTokens` values. `reject` refuses them. Default:
   * `reject`.
   */
  aliases?: "reject" | "expand" | undefined;
  /** The text of a scalar without quotes and tag, where the format's own tool reads numbers and booleans. */
  plain?: ((text: string) => string) | undefined;
  /** Notes where the members are. */
  places?: YamlPlaces | undefined;
}

/**
 * Parses a YAML manifest: one document in UTF-8. Tags are ignored, except `!binary`, which is decoded. Rejects
 * duplicate keys, keys that are not text, and deep nesting.
 */
export function parseYaml(bytes: Buffer, manifest: string, rules: YamlRules = {}): YamlValue {
  const text = decode(bytes, manifest);
  rules.places?.begin(text);
  const document = parse(text, manifest, rules.places);
  const { aliases = "reject", plain = (scalar) => scalar } = rules;
  const reading: Reading = { manifest, aliases, plain, values: 0, anchors: new Map(), places: rules.places };
  return toValue(document.contents, reading, 0);
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
function parse(text: string, manifest: string, places: YamlPlaces | undefined) {
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
  const onError = (source: ErrorSource, code: string, message: string, isWarning?: boolean) => {
    if (isWarning === true) return;
    places?.fail(typeof source === "number" ? source : "offset" in source ? source.offset : source[0]);
    // it catches errors, and reports them again
    throw (failure ??= notYaml(manifest, message, code));
  };
  Object.assign(composer, { onError });
  const documents = composer.compose(tokens, true, text.length);
  const first = documents.next().value;
  if (first === undefined || documents.next().done !== true)
    throw invalid(`its ${manifest} holds several YAML documents`);
  return first;
}

/** Where the library's composer found an error: an offset, a range, or a token. */
type ErrorSource = number | readonly number[] | { offset: number };

function notYaml(manifest: string, reason: string, cause: unknown) {
  return invalid(`its ${manifest} is not YAML (${reason})`, cause);
}

function tooDeep(manifest: string) {
  return beyondLimit("yamlDepth", `its ${manifest} is nested`, { noun: "levels deep" });
}

interface Reading {
  readonly manifest: string;
  readonly aliases: "reject" | "expand";
  readonly places: YamlPlaces | undefined;
  readonly plain: (text: string) => string;
  /** How many values were read so far, those of expanded aliases included. */
  values: number;
  /** What an anchor names, and of how many values it consists. */
  readonly anchors: Map<string, { value: YamlValue; values: number }>;
}

function toValue(node: unknown, reading: Reading, depth: number): YamlValue {
  const { manifest, anchors } = reading;
  if (depth > limits.yamlDepth) throw tooDeep(manifest);
  const before = reading.values++;
  if (isAlias(node)) {
    if (reading.aliases === "reject") reading.places?.fail(node.range?.[0]);
    return expand(node.source, reading);
  }
  const value = toOwnValue(node, reading, depth);
  if (isNode(node) && "anchor" in node && node.anchor !== undefined)
    anchors.set(node.anchor, { value, values: reading.values - before });
  return value;
}

function expand(anchor: string, reading: Reading): YamlValue {
  const { manifest, aliases } = reading;
  if (aliases === "reject") throw invalid(`its ${manifest} uses YAML aliases`);
  // an anchor is known when its value is complete, so that no value contains itself
  const named = reading.anchors.get(anchor);
  if (named === undefined) throw invalid(`its ${manifest} has an alias *${anchor} without an anchor before it`);
  reading.values += named.values;
  if (reading.values > limits.yamlTokens)
    throw beyondLimit("yamlTokens", `the YAML aliases of its ${manifest} expand to`, { noun: "values" });
  return named.value;
}

function toOwnValue(node: unknown, reading: Reading, depth: number): YamlValue {
  const { manifest } = reading;
  if (node === null || node === undefined) return "";
  if (isSeq(node)) {
    const items = node.items.map((item) => toValue(item, reading, depth + 1));
    for (const [index, item] of node.items.entries()) reading.places?.note(items, index, offsetOf(item));
    return items;
  }
  if (isMap(node)) return toMapping(node, reading, depth);
  if (!isScalar(node)) throw invalid(`its ${manifest} holds a YAML node of an unknown kind`);
  const text = typeof node.value === "string" ? node.value : "";
  if (node.tag === "!binary" || node.tag === "tag:yaml.org,2002:binary")
    return Buffer.from(text, "base64").toString("utf8");
  return node.type === "PLAIN" && node.tag === undefined ? reading.plain(text) : text;
}

function toMapping(map: YAMLMap, reading: Reading, depth: number): Record<string, YamlValue> {
  const { manifest } = reading;
  const members = new Map<string, YamlValue>();
  for (const { key, value } of map.items) {
    const name = toValue(key, reading, depth + 1);
    if (typeof name !== "string") throw invalid(`its ${manifest} has a key that is not text`);
    if (members.has(name)) reading.places?.fail(offsetOf(key));
    if (members.has(name)) throw invalid(`its ${manifest} has the key ${JSON.stringify(name.slice(0, 80))} twice`);
    members.set(name, toValue(value, reading, depth + 1));
  }
  // Built from entries, so that a key `__proto__` is a member like any other.
  const object = Object.fromEntries(members);
  if (reading.places !== undefined)
    for (const { key } of map.items) if (isScalar(key)) reading.places.note(object, String(key.value), offsetOf(key));
  return object;
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}
