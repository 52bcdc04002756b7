import { FeedctlError } from "../errors.ts";
import { trimUnicode } from "../lib/text/blanks.ts";
import { compareBy, concatKeys, listKey, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * NuGet versions: one to four numbers, an optional prerelease label, and metadata, which are ignored. Case is ignored,
 * too, so the normalised text is in lower case, as in the paths of NuGet's own servers.
 */
export const nuget: VersionScheme = {
  normalize(text) {
    const version = parse(text);
    if (version === undefined) return undefined;
    const numbers = version.numbers.at(3) === "0" ? version.numbers.slice(0, 3) : version.numbers;
    return [numbers.join("."), ...(version.labels.length > 0 ? [version.labels.join(".")] : [])].join("-");
  },
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease: (text) => mustParse(text).labels.length > 0,
};

interface NugetVersion {
  /** Four, without leading zeros. */
  numbers: string[];
  /** Lower case; numbers without leading zeros. */
  labels: string[];
}

const LABELS = "[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*";
const VERSION = new RegExp(`^([0-9]+(?:\\.[0-9]+){0,3})(?:-(${LABELS}))?(?:\\+${LABELS})?$`);

function parse(text: string): NugetVersion | undefined {
  const match = VERSION.exec(trimUnicode(text));
  if (match === null) return undefined;
  const numbers = match[1]!.split(".").map(withoutLeadingZeros);
  while (numbers.length < 4) numbers.push("0");
  const labels = match[2]?.toLowerCase().split(".") ?? [];
  return { numbers, labels: labels.map((label) => (isNumber(label) ? withoutLeadingZeros(label) : label)) };
}

function sortKey(text: string): Buffer {
  const { numbers, labels } = mustParse(text);
  const pieces = numbers.map(numberKey);
  if (labels.length === 0) return concatKeys(...pieces, rankKey(1));
  return concatKeys(...pieces, rankKey(0), listKey(labels.map(labelKey)));
}

function labelKey(label: string): Uint8Array {
  return isNumber(label) ? concatKeys(rankKey(0), numberKey(label)) : concatKeys(rankKey(1), textKey(label));
}

/** NuGet's clients parse labels as 32-bit integers. Longer digits, such as a build time, compare as text there. */
function isNumber(label: string): boolean {
  return /^[0-9]+$/.test(label) && Number(label) <= 2_147_483_647;
}

function withoutLeadingZeros(digits: string): string {
  return digits.replace(/^0+(?=[0-9])/, "");
}

function mustParse(text: string): NugetVersion {
  const version = parse(text);
  if (version === undefined) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a NuGet version`);
  return version;
}
