import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Alpine versions as apk-tools 2.14 and 3 parse them: `1.2.3b_rc1_git2~c0ffee-r4` has numbers, one letter, suffixes, a
 * commit hash and the package revision. Nothing is normalised.
 */
export const alpine: VersionScheme = {
  normalize: (text) => (parse(text) === undefined ? undefined : text),
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease: (text) => mustParse(text).suffixes.some(({ name }) => before.includes(name)),
};

interface AlpineVersion {
  /** At least one, as written. */
  numbers: string[];
  letter: string | undefined;
  suffixes: { name: string; number: string | undefined }[];
  hash: string | undefined;
  revision: string | undefined;
}

/** Suffixes that sort before the version without them, in ascending order. */
const before = ["alpha", "beta", "pre", "rc"];
/** Suffixes that sort after the version without them, in ascending order. */
const after = ["cvs", "svn", "git", "hg", "p"];

const SUFFIX = `_(${[...before, ...after].join("|")})([0-9]*)`;
const VERSION = new RegExp(
  `^([0-9]+(?:\\.[0-9]+)*)([a-z])?((?:${SUFFIX.replaceAll("(", "(?:")})*)(?:~([0-9a-f]+))?(?:-r([0-9]+))?$`,
);

function parse(text: string): AlpineVersion | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  const [, numbers, letter, suffixes, hash, revision] = match;
  return {
    numbers: numbers!.split("."),
    letter,
    suffixes: [...suffixes!.matchAll(new RegExp(SUFFIX, "g"))].map(([, name, number]) => ({
      name: name!,
      number: number === "" ? undefined : number,
    })),
    hash,
    revision,
  };
}

/** The order of what may follow the common beginning of two versions, ascending. */
const ranks = { before: 0, end: 1, revision: 2, hash: 3, suffixNumber: 4, after: 5, letter: 6, number: 7 };

function sortKey(text: string): Buffer {
  const { numbers, letter, suffixes, hash, revision } = mustParse(text);
  const [first, ...rest] = numbers;
  return concatKeys(
    numberKey(first!),
    ...rest.map((digits) => concatKeys(rankKey(ranks.number), fractionKey(digits))),
    ...(letter === undefined ? [] : [rankKey(ranks.letter), textKey(letter)]),
    ...suffixes.map(({ name, number }) => suffixKey(name, number)),
    ...(hash === undefined ? [] : [rankKey(ranks.hash), textKey(hash)]),
    ...(revision === undefined ? [] : [rankKey(ranks.revision), numberKey(revision)]),
    rankKey(ranks.end),
  );
}

/** A number with a leading zero is a fraction: it compares digit by digit and sorts before every other number. */
function fractionKey(digits: string): Uint8Array {
  return digits.startsWith("0") ? concatKeys(rankKey(0), textKey(digits)) : concatKeys(rankKey(1), numberKey(digits));
}

function suffixKey(name: string, number: string | undefined): Uint8Array {
  const index = before.indexOf(name);
  const kind =
    index >= 0 ? [rankKey(ranks.before), rankKey(index)] : [rankKey(ranks.after), rankKey(after.indexOf(name))];
  return concatKeys(...kind, ...(number === undefined ? [] : [rankKey(ranks.suffixNumber), numberKey(number)]));
}

function mustParse(text: string): AlpineVersion {
  const version = parse(text);
  if (version === undefined) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not an Alpine version`);
  return version;
}
