import { isEmpty, keyOf, rangeError, type Interval, type RangeSyntax } from "./interval.ts";
import type { VersionScheme } from "../scheme.ts";

/**
 * The ranges of NuGet, Maven and Visual Studio: `[1.0,2.0)`, `(,1.0]`, `[1.0]`, or several separated by commas. A
 * version without brackets is refused, because it is ambiguous: "this or later" in NuGet, a recommendation in Maven,
 * "exactly this" to most people. Only the order counts: `[1.0,2.0)` contains `2.0-beta`, as in these tools.
 */
export function bracketRange(scheme: VersionScheme): RangeSyntax {
  return {
    example: "[1.0,2.0)",
    parse(text) {
      const part = /\s*([[(])([^[\]()]*)([\])])\s*/y;
      const intervals: Interval[] = [];
      for (let at = 0; ; at = part.lastIndex + 1) {
        part.lastIndex = at;
        const match = part.exec(text);
        if (match === null)
          throw rangeError(text, "its form is [1.0,2.0)", "[1.0] is one version, [1.0,) that one and all later");
        intervals.push(intervalOf(scheme, text, { from: match[1] === "[", inner: match[2]!, to: match[3] === "]" }));
        if (part.lastIndex >= text.length) return intervals;
        if (text[part.lastIndex] !== ",") throw rangeError(text, "intervals must be separated by commas");
      }
    },
  };
}

function intervalOf(
  scheme: VersionScheme,
  range: string,
  { from: fromIncluded, inner, to: toIncluded }: { from: boolean; inner: string; to: boolean },
): Interval {
  const [low = "", high, more] = inner.split(",").map((each) => each.trim());
  if (more !== undefined) throw rangeError(range, "an interval has more than two ends");
  const bound = (version: string, included: boolean) =>
    version === "" ? undefined : { key: keyOf(scheme, version, range), included };
  if (high === undefined && (low === "" || !fromIncluded || !toIncluded))
    throw rangeError(range, "a single version must be in square brackets");
  const interval = { from: bound(low, fromIncluded), to: bound(high ?? low, toIncluded) };
  if (isEmpty(interval)) throw rangeError(range, "it is empty");
  return interval;
}
