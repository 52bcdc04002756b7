import { FeedctlError } from "../errors.ts";
import { trimAscii } from "../lib/text/blanks.ts";
import { compareBy, concatKeys, numberKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Debian versions, `[epoch:]upstream[-revision]`, as dpkg parses and orders them. Normalising removes surrounding
 * blanks, an epoch of zero and a revision of zero, which Debian policy defines as equal to none. Nothing else is
 * normalised, as in every archive: `1.02` and `1.2` are two versions, although neither is newer.
 */
export const debian: VersionScheme = {
  normalize(text) {
    const version = parse(text);
    return version === undefined ? undefined : format(version);
  },
  compare: compareBy(sortKey),
  sortKey,
  /**
   * Debian does not define prereleases. A version counts as one if a tilde and a usual word sort it before its release.
   */
  isPrerelease: (text) => /~(?:a|alpha|b|beta|dev|exp|git|pre|preview|rc)(?![a-z])/i.test(mustParse(text).upstream),
};

/** Splits a version into its epoch and the rest. Archives leave the epoch out of file names. */
export function splitEpoch(normalized: string): { epoch: string; rest: string } {
  const colon = normalized.indexOf(":");
  return { epoch: normalized.slice(0, Math.max(colon, 0)), rest: normalized.slice(colon + 1) };
}

interface DebianVersion {
  /** Without leading zeros. */
  epoch: string;
  upstream: string;
  /** Empty: none. */
  revision: string;
}

/** dpkg keeps the epoch in a C int. */
const MAX_EPOCH = 2_147_483_647;

function parse(text: string): DebianVersion | undefined {
  const trimmed = trimAscii(text);
  const colon = trimmed.indexOf(":");
  const epoch = colon < 0 ? "0" : trimmed.slice(0, colon);
  if (!/^[0-9]+$/.test(epoch) || Number(epoch) > MAX_EPOCH) return undefined;
  const rest = trimmed.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  const upstream = dash < 0 ? rest : rest.slice(0, dash);
  const revision = dash < 0 ? "" : rest.slice(dash + 1);
  if (!/^[0-9][A-Za-z0-9.+~:-]*$/.test(upstream)) return undefined;
  if (dash >= 0 && !/^[A-Za-z0-9.+~]+$/.test(revision)) return undefined;
  return { epoch: epoch.replace(/^0+(?=[0-9])/, ""), upstream, revision };
}

function format({ epoch, upstream, revision }: DebianVersion): string {
  // A zero must stay if the rest would be parsed differently without it.
  const prefix = epoch === "0" && !upstream.includes(":") ? "" : `${epoch}:`;
  const isNothing = /^0*$/.test(revision);
  if (isNothing && !upstream.includes("-")) return `${prefix}${upstream}`;
  return `${prefix}${upstream}-${isNothing ? "0" : revision}`;
}

function sortKey(text: string): Buffer {
  const { epoch, upstream, revision } = mustParse(text);
  return concatKeys(numberKey(epoch), partKey(upstream), partKey(revision));
}

const TILDE = 1;
const END = 2;

/**
 * Encodes alternating runs of other characters and of digits. Both may be empty; an empty run of digits is zero. Every
 * run of characters ends with a mark that sorts after a tilde and before everything else, and so does the part.
 */
function partKey(part: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const [, other, digits] of part.matchAll(/([^0-9]*)([0-9]*)/g)) {
    // The expression also matches the empty string at the end of a part.
    if (other === "" && digits === "" && pieces.length > 0) break;
    pieces.push(charactersKey(other!), numberKey(digits === "" ? 0 : digits!));
  }
  return concatKeys(...pieces, Uint8Array.of(END));
}

function charactersKey(characters: string): Uint8Array {
  return Uint8Array.from([...Array.from(characters, characterRank), END]);
}

/** In the order: tilde, end, letters, everything else. */
function characterRank(character: string): number {
  if (character === "~") return TILDE;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 128;
}

function mustParse(text: string): DebianVersion {
  const version = parse(text);
  if (version === undefined) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a Debian version`);
  return version;
}
