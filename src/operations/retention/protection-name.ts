import type { NewProtection } from "../../catalog/retention/rules.ts";

/** The protection's pattern in the form that `parseProtection` accepts. */
export function protectionName(
  feedType: string,
  { package: pattern, version }: Pick<NewProtection, "package" | "version">,
): string {
  return feedType === "asset" ? pattern : `${pattern}@${version}`;
}
