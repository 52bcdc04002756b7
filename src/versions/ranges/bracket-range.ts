import { isEmpty, keyOf, noRange, type Interval, type RangeSyntax } from "./interval.ts";
import type { VersionScheme } from "../scheme.ts";

/**
 * Ranges as NuGet, Maven and Visual Studio write them: `[1.0,2.0)`, `(,1.0]`, `[1.0]`, several with commas between. A
 * version alone is refused: to one it means "that one or later", to the other a recommendation, and to most people "that
 * one". Only order decides: `[1.0,2.0)` holds `2.0-beta`, as it does there.
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
          throw noRange(text, "its form is [1.0,2.0)", "[1.0] is one version, [1.0,) that one and all later");
        intervals.push(intervalOf(scheme, text, { from: match[1] === "[", inner: match[2]!, to: match[3] === "]" }));
        if (part.lastIndex >= text.length) return intervals;
        if (text[part.lastIndex] !== ",") throw noRange(text, "between two intervals stands a comma");
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
  if (more !== undefined) throw noRange(range, "an interval has two ends");
  const bound = (version: string, included: boolean) =>
    version === "" ? undefined : { key: keyOf(scheme, version, range), included };
  if (high === undefined && (low === "" || !fromIncluded || !toIncluded))
    throw noRange(range, "one version alone stands in square brackets");
  const interval = { from: bound(low, fromIncluded), to: bound(high ?? low, toIncluded) };
  if (isEmpty(interval)) throw noRange(range, "it holds nothing");
  return interval;
}
