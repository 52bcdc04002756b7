import { FeedctlError } from "../errors.ts";
import { trimUnicode } from "../lib/text/blanks.ts";
import { compareBy, concatKeys, listKey, numberKey, rankKey, textKey } from "./keys/sort-key.ts";
import type { VersionScheme } from "./scheme.ts";

/**
 * Python versions by PEP 440. Trailing zeros of a release do not count (`1.0` and `1` are the same version), so the
 * normalised text has none. `pep440Text` keeps them, for file names.
 */
export const pep440: VersionScheme = {
  normalize(text) {
    const version = parse(text);
    return version === undefined ? undefined : format({ ...version, release: withoutZerosAtEnd(version.release) });
  },
  compare: compareBy(sortKey),
  sortKey,
  isPrerelease(text) {
    const { pre, dev } = mustParse(text);
    return pre !== undefined || dev !== undefined;
  },
};

/** The canonical spelling that Python's tools print, with trailing zeros. Throws `invalid` unless it is a version. */
export function pep440Text(text: string): string {
  return format(mustParse(text));
}

/** All numbers without leading zeros. */
interface Pep440Version {
  epoch: string;
  release: string[];
  pre: { letter: "a" | "b" | "rc"; number: string } | undefined;
  post: string | undefined;
  dev: string | undefined;
  /** Lower case. */
  local: string[];
}

const VERSION = new RegExp(
  "^v?(?:([0-9]+)!)?([0-9]+(?:\\.[0-9]+)*)" +
    "(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]+)?)?" +
    "(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]+)?)?" +
    "(?:[-_.]?(dev)[-_.]?([0-9]+)?)?" +
    "(?:\\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$",
  "i",
);

function parse(text: string): Pep440Version | undefined {
  const match = VERSION.exec(trimUnicode(text));
  if (match === null) return undefined;
  const [, epoch, release, letter, pre, implicitPost, post, postNumber, dev, devNumber, local] = match;
  return {
    epoch: significant(epoch),
    release: release!.split(".").map(significant),
    pre: letter === undefined ? undefined : { letter: letters[letter.toLowerCase()]!, number: significant(pre) },
    post: implicitPost === undefined && post === undefined ? undefined : significant(implicitPost ?? postNumber),
    dev: dev === undefined ? undefined : significant(devNumber),
    local:
      local
        ?.toLowerCase()
        .split(/[-_.]/)
        .map((part) => (isNumber(part) ? significant(part) : part)) ?? [],
  };
}

const letters: Record<string, "a" | "b" | "rc"> = {
  a: "a",
  alpha: "a",
  b: "b",
  beta: "b",
  c: "rc",
  rc: "rc",
  pre: "rc",
  preview: "rc",
};

function format({ epoch, release, pre, post, dev, local }: Pep440Version): string {
  return [
    epoch === "0" ? "" : `${epoch}!`,
    release.join("."),
    pre === undefined ? "" : `${pre.letter}${pre.number}`,
    post === undefined ? "" : `.post${post}`,
    dev === undefined ? "" : `.dev${dev}`,
    local.length === 0 ? "" : `+${local.join(".")}`,
  ].join("");
}

function sortKey(text: string): Buffer {
  const version = mustParse(text);
  const { post, dev, local } = version;
  return concatKeys(
    numberKey(version.epoch),
    listKey(withoutZerosAtEnd(version.release).map(numberKey)),
    preKey(version),
    post === undefined ? rankKey(0) : concatKeys(rankKey(1), numberKey(post)),
    dev === undefined ? rankKey(1) : concatKeys(rankKey(0), numberKey(dev)),
    listKey(local.map(localKey)),
  );
}

/** A development release of the final release sorts before the alphas; the final release sorts after the candidates. */
function preKey({ pre, post, dev }: Pep440Version): Uint8Array {
  if (pre !== undefined) return concatKeys(rankKey("abr".indexOf(pre.letter.charAt(0)) + 1), numberKey(pre.number));
  return rankKey(post === undefined && dev !== undefined ? 0 : 4);
}

function localKey(part: string): Uint8Array {
  return isNumber(part) ? concatKeys(rankKey(1), numberKey(part)) : concatKeys(rankKey(0), textKey(part));
}

function withoutZerosAtEnd(release: readonly string[]): string[] {
  const last = release.findLastIndex((part) => part !== "0");
  return release.slice(0, Math.max(last, 0) + 1);
}

function isNumber(text: string): boolean {
  return /^[0-9]+$/.test(text);
}

function significant(digits = "0"): string {
  return digits.replace(/^0+(?=[0-9])/, "");
}

function mustParse(text: string): Pep440Version {
  const version = parse(text);
  if (version === undefined) throw new FeedctlError("invalid", `${JSON.stringify(text)} is not a Python version`);
  return version;
}
