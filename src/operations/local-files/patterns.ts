import picomatch from "picomatch";

/**
 * Returns a matcher of paths; undefined without patterns. A pattern with a slash matches the whole path; one without
 * matches any single segment, as robocopy's /XF and /XD do. `*` matches within a segment, `**` across segments.
 */
export function matcherOf(patterns: readonly string[]): ((path: string) => boolean) | undefined {
  if (patterns.length === 0) return undefined;
  const whole = patterns
    .filter((pattern) => pattern.includes("/"))
    .map((pattern) => pattern.replace(/^\//, "").replace(/\/$/, "/**"));
  const names = patterns.filter((pattern) => !pattern.includes("/"));
  const matchesWhole = whole.length === 0 ? () => false : picomatch(whole, { dot: true });
  const matchesName = names.length === 0 ? () => false : picomatch(names, { dot: true });
  return (path) => matchesWhole(path) || (names.length > 0 && path.split("/").some((segment) => matchesName(segment)));
}

/** Whether a path is selected: it matches one of the included patterns, if there are any, and no excluded one. */
export function pathFilter(include: readonly string[], exclude: readonly string[]): (path: string) => boolean {
  const [included, excluded] = [matcherOf(include), matcherOf(exclude)];
  return (path) => included?.(path) !== false && excluded?.(path) !== true;
}

/**
 * Splits a pattern of local files into its base folder and a matcher of paths below it; undefined when it has no
 * wildcard.
 */
export function splitPattern(pattern: string): { base: string; matches: (path: string) => boolean } | undefined {
  const { base, glob, isGlob } = picomatch.scan(pattern);
  return isGlob ? { base, matches: picomatch(glob, { dot: false }) } : undefined;
}
