import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, listKey, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Versions of Dart packages: semantic versions whose build metadata count. `1.0.0+1` and `1.0.0+2` are two versions,
 * and the second is newer. Leading zeros do not count.
 */
export const pub: VersionScheme = {
  normalize(text) {
    const version = parse(text);
    if (version === undefined) return undefined;
    const { numbers, labels, build } = version;
    return [numbers.join("."), ...prefixed("-", labels), ...prefixed("+", build)].join("");
  },
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease: (text) => mustParse(text).labels.length > 0,
};

interface PubVersion {
  numbers: string[];
  labels: string[];
  build: string[];
}

const IDENTIFIERS = "[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*";
const VERSION = new RegExp(`^([0-9]+\\.[0-9]+\\.[0-9]+)(?:-(${IDENTIFIERS}))?(?:\\+(${IDENTIFIERS}))?$`);

function parse(text: string): PubVersion | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  const [numbers = [], labels = [], build = []] = match
    .slice(1)
    .map((part) => part?.split(".").map(withoutLeadingZeros));
  return { numbers, labels, build };
}

function prefixed(sign: string, identifiers: readonly string[]): string[] {
  return identifiers.length > 0 ? [sign + identifiers.join(".")] : [];
}

function sortKey(text: string): Buffer {
  const { numbers, labels, build } = mustParse(text);
  const release = labels.length === 0 ? rankKey(1) : concatKeys(rankKey(0), identifiersKey(labels));
  return concatKeys(...numbers.map(numberKey), release, identifiersKey(build));
}

function identifiersKey(identifiers: readonly string[]): Uint8Array {
  return listKey(
    identifiers.map((identifier) =>
      isDigits(identifier)
        ? concatKeys(rankKey(0), numberKey(identifier))
        : concatKeys(rankKey(1), textKey(identifier)),
    ),
  );
}

function withoutLeadingZeros(text: string): string {
  return isDigits(text) ? text.replace(/^0+(?=[0-9])/, "") : text;
}

function isDigits(text: string): boolean {
  return /^[0-9]+$/.test(text);
}

function mustParse(text: string): PubVersion {
  const version = parse(text);
  if (version === undefined)
    throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a version of Dart packages`);
  return version;
}
