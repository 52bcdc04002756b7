import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, listKey, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Conan versions: words between dots, a prerelease after the first hyphen, a build after the last plus sign. Trailing
 * zeros do not count in the order (`1.0` and `1` are equal), but they are different versions, because a version is a
 * folder. A word sorts by its leading number; Conan compares such a word as text, and its order is not transitive.
 */
export const conan: VersionScheme = {
  normalize: (text) => (isVersion(text) ? text : undefined),
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease: (text) => split(requireVersion(text)).prerelease !== undefined,
};

function isVersion(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_+.-]{0,100}$/.test(text);
}

function split(text: string): { main: string; prerelease: string | undefined; build: string | undefined } {
  const plus = text.lastIndexOf("+");
  const bare = plus < 0 ? text : text.slice(0, plus);
  const hyphen = bare.indexOf("-");
  return {
    main: hyphen < 0 ? bare : bare.slice(0, hyphen),
    prerelease: hyphen < 0 ? undefined : bare.slice(hyphen + 1),
    build: plus < 0 ? undefined : text.slice(plus + 1),
  };
}

function sortKey(text: string): Buffer {
  const { main, prerelease, build } = split(requireVersion(text));
  return concatKeys(
    itemsKey(main),
    prerelease === undefined ? rankKey(1) : concatKeys(rankKey(0), itemsKey(prerelease)),
    build === undefined ? rankKey(0) : concatKeys(rankKey(1), itemsKey(build)),
  );
}

function itemsKey(text: string): Uint8Array {
  const items = text.split(".");
  while (items.length > 0 && /^0+$/.test(items.at(-1)!)) items.pop();
  return listKey(items.map(itemKey));
}

function itemKey(item: string): Uint8Array {
  const [, digits, rest] = /^([0-9]+)(.*)$/s.exec(item) ?? [];
  return digits === undefined
    ? concatKeys(rankKey(1), textKey(item))
    : concatKeys(rankKey(0), numberKey(digits), textKey(rest!));
}

function requireVersion(text: string): string {
  if (!isVersion(text)) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a Conan version`);
  return text;
}
