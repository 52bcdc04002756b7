import { afterAll, beginningWith, everything, intersect, keyOf, noRange, outside } from "./interval.ts";
import type { Interval, RangeSyntax } from "./interval.ts";
import type { VersionScheme } from "../scheme.ts";

export interface Relations {
  example: string;
  /** Debian: `<<` and `>>`, because its `<` and `>` once meant `<=` and `>=`. */
  doubled?: boolean | undefined;
  /**
   * The bytes with which the keys of all versions begin that equal this one in a relation, where it says less than they:
   * RPM's `= 1.0` means every release of 1.0. Undefined: it says it all.
   */
  equalUpTo?: ((version: string, key: Buffer) => Buffer | undefined) | undefined;
  /** Ruby's `~> 1.2`: its lowest key and, not included, its end. */
  pessimistic?: ((version: string) => { next: string; endOf(key: Buffer): Buffer } | undefined) | undefined;
}

/** Comparisons with commas or blanks between, all of which must hold; `|` between alternatives. Only order decides. */
export function relationRange(scheme: VersionScheme, relations: Relations): RangeSyntax {
  return {
    example: relations.example,
    parse: (text) =>
      text.split(/\|\|?/).flatMap((alternative) => {
        let intervals: Interval[] = [everything];
        const each = /\s*(<<|>>|<=|>=|==|!=|~>|=|<|>)\s*([^\s,<>=!~|][^\s,|]*)\s*(?:,|(?=\s)|$)/y;
        let at = 0;
        const trimmed = alternative.trim();
        if (trimmed === "") throw noRange(text, `its form is ${relations.example}`);
        while (at < trimmed.length) {
          each.lastIndex = at;
          const match = each.exec(trimmed);
          if (match === null) throw noRange(text, `its form is ${relations.example}`);
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
    throw noRange(range, `write ${doubled ? operator.repeat(2) : operator[0]} instead of ${operator}`);
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
  if (upTo === undefined) throw noRange(range, `${operator} ${version} has no meaning here`);
  return [
    {
      from: { key, included: true },
      to: { key: upTo.endOf(keyOf(scheme, upTo.next, range)), included: false },
    },
  ];
}

/** Of `~> 1.2.3` in Ruby: every release before 1.3, and no prerelease of 1.3. */
export function rubyPessimistic(version: string): { next: string; endOf(key: Buffer): Buffer } | undefined {
  const release = version.split(/[.-]/).findIndex((part) => !/^[0-9]+$/.test(part));
  const numbers = version.split(".").slice(0, release < 0 ? undefined : release);
  const kept = numbers.length > 1 ? numbers.slice(0, -1) : numbers;
  const last = kept.at(-1);
  if (last === undefined) return undefined;
  // the key of a release and those of its prereleases differ in their last byte first
  return { next: [...kept.slice(0, -1), String(BigInt(last) + 1n)].join("."), endOf: (key) => key.subarray(0, -1) };
}

/** An RPM version without a release means every release of it. The key ends with that of the missing release. */
export function rpmEqualUpTo(version: string, key: Buffer): Buffer | undefined {
  return version.includes("-") ? undefined : key.subarray(0, -1);
}
