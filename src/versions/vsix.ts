import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, listKey, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Versions of extensions for Visual Studio and VS Code: one to four numbers as in .NET's `System.Version`, where `1.0`
 * is another version than `1.0.0` and sorts before it. After three numbers a label as in semantic versions is allowed;
 * VS Code's own gallery refuses it, others accept it. Leading zeros do not count.
 */
export const vsix: VersionScheme = {
  normalize(text) {
    const version = parse(text);
    if (version === undefined) return undefined;
    return version.numbers.join(".") + (version.labels.length > 0 ? `-${version.labels.join(".")}` : "");
  },
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease: (text) => mustParse(text).labels.length > 0,
};

interface VsixVersion {
  numbers: string[];
  /** As written; numeric labels without leading zeros. */
  labels: string[];
}

const VERSION = /^([0-9]+(?:\.[0-9]+){0,3})$|^([0-9]+\.[0-9]+\.[0-9]+)-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)$/;

function parse(text: string): VsixVersion | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  return {
    numbers: (match[1] ?? match[2])!.split(".").map(withoutLeadingZeros),
    labels: match[3]?.split(".").map(withoutLeadingZeros) ?? [],
  };
}

// The order of what may follow a number: a label sorts before the end, the end before another number.
const LABEL = rankKey(0);
const END = rankKey(1);
const NUMBER = rankKey(2);

function sortKey(text: string): Buffer {
  const { numbers, labels } = mustParse(text);
  const pieces = numbers.map((number) => concatKeys(NUMBER, numberKey(number)));
  return concatKeys(...pieces, labels.length > 0 ? concatKeys(LABEL, listKey(labels.map(labelKey))) : END);
}

function labelKey(label: string): Uint8Array {
  return isDigits(label) ? concatKeys(rankKey(0), numberKey(label)) : concatKeys(rankKey(1), textKey(label));
}

function withoutLeadingZeros(text: string): string {
  return isDigits(text) ? text.replace(/^0+(?=[0-9])/, "") : text;
}

function isDigits(text: string): boolean {
  return /^[0-9]+$/.test(text);
}

function mustParse(text: string): VsixVersion {
  const version = parse(text);
  if (version === undefined) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not an extension's version`);
  return version;
}
