import { afterAll, beginningWith, everything, intersect, keyOf, outside, rangeError } from "./interval.ts";
import type { Interval, RangeSyntax } from "./interval.ts";
import type { VersionScheme } from "../scheme.ts";

export interface Relations {
  example: string;
  /** Whether the operators are `<<` and `>>`, as in Debian, whose `<` and `>` used to mean `<=` and `>=`. */
  doubled?: boolean | undefined;
  /**
   * The common prefix of the keys of all versions that `=` matches, for a version that leaves a part open: RPM's `=
   * 1.0` matches every release of 1.0. Undefined: `=` only matches the version itself.
   */
  equalUpTo?: ((version: string, key: Buffer) => Buffer | undefined) | undefined;
  /** Ruby's `~> 1.2`: the version whose key is the upper bound, and how to shorten that key. Undefined: not allowed. */
  pessimistic?: ((version: string) => { next: string; endOf(key: Buffer): Buffer } | undefined) | undefined;
}

/**
 * Comparisons separated by commas or blanks, which must all match; `|` separates alternatives. Only the order counts.
 */
export function relationRange(scheme: VersionScheme, relations: Relations): RangeSyntax {
  return {
    example: relations.example,
    parse: (text) =>
      text.split(/\|\|?/).flatMap((alternative) => {
        let intervals: Interval[] = [everything];
        const each = /\s*(<<|>>|<=|>=|==|!=|~>|=|<|>)\s*([^\s,<>=!~|][^\s,|]*)\s*(?:,|(?=\s)|$)/y;
        let at = 0;
        const trimmed = alternative.trim();
        if (trimmed === "") throw rangeError(text, `its form is ${relations.example}`);
        while (at < trimmed.length) {
          each.lastIndex = at;
          const match = each.exec(trimmed);
          if (match === null) throw rangeError(text, `its form is ${relations.example}`);
          intervals = intersect(
            intervals,
            relation(scheme, relations, text, { operator: match[1]!, version: match[2]! }),
          );
          at = each.lastIndex;
        }
        return intervals;
      }),
  };
}

function relation(
  scheme: VersionScheme,
  { doubled, equalUpTo, pessimistic }: Relations,
  range: string,
  { operator, version }: { operator: string; version: string },
): Interval[] {
  const key = keyOf(scheme, version, range);
  const prefix = equalUpTo?.(version, key);
  const equal: Interval =
    prefix === undefined ? { from: { key, included: true }, to: { key, included: true } } : beginningWith(prefix);
  const end = prefix === undefined ? { key, included: true } : { key: afterAll(prefix), included: false };
  const isDoubled = operator === "<<" || operator === ">>";
  if (isDoubled !== (doubled === true) && /^[<>]{1,2}$/.test(operator))
    throw rangeError(range, `write ${doubled ? operator.repeat(2) : operator[0]} instead of ${operator}`);
  switch (operator.replace(/^([<>])\1$/, "$1")) {
    case "<":
      return [{ to: { key, included: false } }];
    case "<=":
      return [{ to: end }];
    case ">":
      return [{ from: { key: end.key, included: !end.included } }];
    case ">=":
      return [{ from: { key, included: true } }];
    case "=":
    case "==":
      return [equal];
    case "!=":
      return outside(equal);
  }
  const upTo = pessimistic?.(version);
  if (upTo === undefined) throw rangeError(range, `${operator} ${version} is not allowed here`);
  return [
    {
      from: { key, included: true },
      to: { key: upTo.endOf(keyOf(scheme, upTo.next, range)), included: false },
    },
  ];
}

/** Ruby's `~> 1.2.3` matches every version from 1.2.3 to 1.3, without 1.3 and its prereleases. */
export function rubyPessimistic(version: string): { next: string; endOf(key: Buffer): Buffer } | undefined {
  const release = version.split(/[.-]/).findIndex((part) => !/^[0-9]+$/.test(part));
  const numbers = version.split(".").slice(0, release < 0 ? undefined : release);
  const kept = numbers.length > 1 ? numbers.slice(0, -1) : numbers;
  const last = kept.at(-1);
  if (last === undefined) return undefined;
  // The keys of a release and of its prereleases are equal up to the last byte of the release's key.
  return { next: [...kept.slice(0, -1), String(BigInt(last) + 1n)].join("."), endOf: (key) => key.subarray(0, -1) };
}

/**
 * An RPM version without a release matches every release of it. The last byte of its key encodes the missing release.
 */
export function rpmEqualUpTo(version: string, key: Buffer): Buffer | undefined {
  return version.includes("-") ? undefined : key.subarray(0, -1);
}
