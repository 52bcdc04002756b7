import { afterAll, beginningWith, everything, intersect, keyOf, outside, rangeError } from "./interval.ts";
import type { Interval, RangeSyntax } from "./interval.ts";
import { pep440, pep440Text } from "../pep440.ts";

/**
 * Version specifiers of PEP 440: `>=1.0,<2`, `==1.4.*`, `~=2.2`, `!=1.5`. As in PEP 440, prereleases only match if a
 * specifier names one, and a bound without a local label includes all its local builds.
 */
export const pep440Range: RangeSyntax = {
  example: ">=1.0,<2.0",
  parse(text) {
    let intervals: Interval[] = [everything];
    let namesPrerelease = false;
    for (const part of text.split(",")) {
      const match = /^\s*(~=|==|!=|<=|>=|<|>)\s*([^\s]+)\s*$/.exec(part);
      if (match === null) throw rangeError(text, "its form is >=1.0,<2.0");
      const version = match[2]!.replace(/\.\*$/, "");
      keyOf(pep440, version, text);
      namesPrerelease ||= match[1] !== "!=" && pep440.isPrerelease(version);
      intervals = intersect(intervals, specifier(match[1]!, version, version !== match[2], text));
    }
    return namesPrerelease ? intervals : intersect(intervals, [{ stableOnly: true }]);
  },
};

function specifier(operator: string, version: string, isPrefix: boolean, range: string): Interval[] {
  if (isPrefix && operator !== "==" && operator !== "!=")
    throw rangeError(range, `.* is not allowed after ${operator}`);
  if (isPrefix) return operator === "==" ? [series(version, range)] : outside(series(version, range));
  const key = keyOf(pep440, version, range);
  switch (operator) {
    case ">=":
      return [{ from: { key, included: true } }];
    case "<=":
      return [{ to: localBuilds(version, key).to }];
    case "==":
      return [localBuilds(version, key)];
    case "!=":
      return outside(localBuilds(version, key));
    case "<":
      return below(version, key, range);
    case ">":
      return above(version, range);
  }
  const parts = releaseOf(version);
  if (parts.numbers.length < 2) throw rangeError(range, `~=${version} needs at least two numbers`);
  const base = parts.epoch + parts.numbers.slice(0, -1).join(".");
  return intersect([{ from: { key, included: true } }], [series(base, range)]);
}

/** `==1.4.*`: from the first development release of 1.4 to that of 1.5. */
function series(version: string, range: string): Interval {
  const { epoch, numbers } = releaseOf(version);
  if (epoch + numbers.join(".") !== pep440Text(version)) throw rangeError(range, ".* is only allowed after a release");
  const next = [...numbers.slice(0, -1), String(BigInt(numbers.at(-1) ?? "0") + 1n)];
  return {
    from: { key: pep440.sortKey(`${epoch}${numbers.join(".")}.dev0`), included: true },
    to: { key: pep440.sortKey(`${epoch}${next.join(".")}.dev0`), included: false },
  };
}

/** The version and, unless it has a local label, its local builds. Their keys differ from its key in the last byte. */
function localBuilds(version: string, key: Buffer): Interval {
  if (version.includes("+")) return { from: { key, included: true }, to: { key, included: true } };
  return { ...beginningWith(key.subarray(0, -1)), from: { key, included: true } };
}

/** `<` a release excludes the prereleases of that release. */
function below(version: string, key: Buffer, range: string): Interval[] {
  if (pep440.isPrerelease(version)) return [{ to: { key, included: false } }];
  const { epoch, numbers } = releaseOf(version);
  const first = keyOf(pep440, `${epoch}${numbers.join(".")}.dev0`, range);
  return [
    { to: { key: first, included: false } },
    { from: { key: first, included: true }, to: { key, included: false }, stableOnly: true },
  ];
}

/** `>` a release excludes the post-releases and local builds of that release. */
function above(version: string, range: string): Interval[] {
  const { epoch, numbers } = releaseOf(version);
  const release = `${epoch}${numbers.join(".")}`;
  if (pep440Text(version) !== release)
    throw rangeError(range, `> is not supported before ${version}`, `use >= with the next version`);
  // The keys of a release, its prereleases and its post-releases only differ after the numbers.
  const last = `${release}.post${"9".repeat(40)}`;
  return [{ from: { key: afterAll(keyOf(pep440, last, range)), included: true } }];
}

function releaseOf(version: string): { epoch: string; numbers: string[] } {
  const match = /^([0-9]+!)?([0-9]+(?:\.[0-9]+)*)/.exec(pep440Text(version));
  return { epoch: match?.[1] ?? "", numbers: (match?.[2] ?? "0").split(".") };
}
