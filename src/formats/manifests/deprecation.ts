import type { PackageIdentity } from "../format.ts";

const MOST = 1000;

/** The reason in a manifest's member such as npm's `deprecated`: a text, or true without one. */
export function deprecationOf(value: unknown): Pick<PackageIdentity, "deprecation"> {
  if (value === true || value === "true") return { deprecation: "" };
  if (typeof value !== "string" || value === "" || value === "false") return {};
  return { deprecation: value.slice(0, MOST).toWellFormed().replaceAll("\0", "\ufffd") };
}
