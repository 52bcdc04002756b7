import picomatch from "picomatch";

/**
 * Patterns with a slash match the whole path, others the last segment or any folder's name, as robocopy's /XF and /XD do.
 * `*` stays within a segment, `**` does not. Undefined: there is no pattern.
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

/** A pattern of local files, as the folder where it begins and what names below that must match; undefined: it is none. */
export function splitPattern(pattern: string): { base: string; matches: (path: string) => boolean } | undefined {
  const { base, glob, isGlob } = picomatch.scan(pattern);
  return isGlob ? { base, matches: picomatch(glob, { dot: false }) } : undefined;
}
