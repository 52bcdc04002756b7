import { FeedctlError } from "../errors.ts";
import { trimUnicode } from "../lib/text/blanks.ts";
import { paddedListKey, type PaddedItem } from "./keys/padded-key.ts";
import { compareBy, concatKeys, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Conda versions: parts between dots and underscores, each an alternation of numbers and words. Words sort before
 * numbers, `dev` before other words, `post` after everything; a missing part is zero. Nothing is normalised, as in the
 * names of package files: `1.0` and `1.0.0` are two versions, although neither is newer.
 */
export const conda: VersionScheme = {
  normalize(text) {
    return parse(text) === undefined ? undefined : trimUnicode(text);
  },
  compare: compareBy(sortKey),
  sortKey,
  /** Conda packages use Python's words for prereleases. A single letter, as in OpenSSL's 1.1.1a, is a release. */
  isPrerelease: (text) =>
    /(?<![a-z])(?:(?:a|b|c|pre|preview)[0-9]|dev|alpha|beta|rc)(?![a-z])/i.test(mustParse(text).text),
};

interface CondaVersion {
  /** In lower case, without the local version. */
  text: string;
  /** The first part is the epoch. */
  parts: string[];
  local: string[];
}

function parse(text: string): CondaVersion | undefined {
  let rest = trimUnicode(text).toLowerCase();
  if (!rest.includes("_")) rest = rest.replaceAll("-", "_");
  if (!/^[*.+!_0-9a-z]+$/.test(rest)) return undefined;
  const [version = "", local, ...locals] = rest.split("+");
  const [first = "", second, ...others] = version.split("!");
  const [epoch, release] = second === undefined ? ["0", first] : [first, second];
  if (locals.length > 0 || others.length > 0 || !/^[0-9]+$/.test(epoch)) return undefined;
  const parts = [epoch, ...splitParts(release)];
  const localParts = local === undefined ? [] : local.split(/[._]/);
  if ([...parts, ...localParts].includes("")) return undefined;
  return { text: version, parts, local: localParts };
}

/** A trailing underscore belongs to the last part: OpenSSL's packages use it for the version before the letter `a`. */
function splitParts(release: string): string[] {
  if (!release.endsWith("_")) return release.split(/[._]/);
  return `${release.slice(0, -1).replaceAll("_", ".")}_`.split(".");
}

function sortKey(text: string): Buffer {
  const { parts, local } = mustParse(text);
  return concatKeys(paddedListKey(parts.map(partItem)), paddedListKey(local.map(partItem)));
}

function partItem(part: string): PaddedItem {
  const words = part.match(/[0-9]+|[*]+|[^0-9*]+/g) ?? [];
  // Conda inserts a zero before a part that begins with a word.
  const items = (/^[0-9]/.test(part) ? words : ["0", ...words]).map(wordItem);
  const sign = items.find((item) => item.sign !== 0)?.sign ?? 0;
  return { sign, key: paddedListKey(items) };
}

function wordItem(word: string): PaddedItem {
  if (word === "post") return { sign: 1, key: rankKey(1) };
  if (/^0+$/.test(word)) return { sign: 0, key: rankKey(0) };
  if (/^[0-9]/.test(word)) return { sign: 1, key: concatKeys(rankKey(0), numberKey(word)) };
  // As in conda: upper case sorts after `*`, and before `_` and all other words.
  return { sign: -1, key: textKey(word === "dev" ? "DEV" : word) };
}

function mustParse(text: string): CondaVersion {
  const version = parse(text);
  if (version === undefined) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a conda version`);
  return version;
}
