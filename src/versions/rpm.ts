import { FeedctlError } from "../errors.ts";
import { compareBy, concatKeys, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * RPM versions, `[epoch:]version[-release]`, in rpm's order: `~` sorts before the version without it, `^` after. No
 * epoch is epoch zero. Nothing else is normalised, as in every repository: `1.02` and `1_2` are two versions, although
 * neither is newer.
 */
export const rpm: VersionScheme = {
  normalize(text) {
    const evr = parse(text);
    return evr === undefined ? undefined : format(evr);
  },
  compare: compareBy(sortKey),
  sortKey,
  /** A tilde sorts a version before its release. Some distributions instead number such releases `0.1.rc1`. */
  isPrerelease(text) {
    const { version, release } = mustParse(text);
    return `${version}-${release}`.includes("~") || /^0\.[0-9.]*(?:alpha|beta|pre|rc)[0-9]*(?![a-z])/i.test(release);
  },
};

export interface Evr {
  /** Whole number without leading zeros; `0`: none. */
  epoch: string;
  version: string;
  /** Empty: none. */
  release: string;
}

/** rpm keeps the epoch in 32 bits. */
const MAX_EPOCH = 4_294_967_295;

function parse(text: string): Evr | undefined {
  const match = /^(?:([0-9]+):)?([^\s:/-]+)(?:-([^\s:/-]+))?$/.exec(text);
  if (match === null) return undefined;
  const [, epoch = "0", version = "", release = ""] = match;
  return Number(epoch) > MAX_EPOCH ? undefined : { epoch: epoch.replace(/^0+(?=[0-9])/, ""), version, release };
}

function format({ epoch, version, release }: Evr): string {
  return `${epoch === "0" ? "" : `${epoch}:`}${version}${release === "" ? "" : `-${release}`}`;
}

function sortKey(text: string): Buffer {
  const { epoch, version, release } = mustParse(text);
  return concatKeys(numberKey(epoch), partKey(version), partKey(release));
}

const [TILDE, END, CARET, LETTERS, DIGITS] = [0, 1, 2, 3, 4] as const;

/** Encodes runs of letters and of digits; other characters are separators. A longer part is newer, except for `~`. */
function partKey(part: string): Uint8Array {
  const runs = part.match(/[0-9]+|[A-Za-z]+|[~^]/g) ?? [];
  return concatKeys(...runs.map(runKey), rankKey(END));
}

function runKey(run: string): Uint8Array {
  if (run === "~") return rankKey(TILDE);
  if (run === "^") return rankKey(CARET);
  return /^[0-9]/.test(run) ? concatKeys(rankKey(DIGITS), numberKey(run)) : concatKeys(rankKey(LETTERS), textKey(run));
}

function mustParse(text: string): Evr {
  const evr = parse(text);
  if (evr === undefined) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not an RPM version`);
  return evr;
}
