const MOST = 1000;

/** The reason in a manifest's member such as npm's `deprecated`: a text, or true without one. */
export function deprecationOf(value: unknown): string | undefined {
  if (value === true || value === "true") return "";
  if (typeof value !== "string" || value === "" || value === "false") return undefined;
  return value.slice(0, MOST).toWellFormed().replaceAll("\0", "\ufffd");
}
