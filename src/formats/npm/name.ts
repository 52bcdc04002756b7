import { invalid } from "../read-package.ts";

const MAX_NAME = 214;

export interface NpmName {
  /** Without `@`; empty for an unscoped package. */
  scope: string;
  bare: string;
}

/**
 * Parses an npm package name. Rejects what npm never allowed. Names that npm allowed only in its early years (upper
 * case, special characters) add a warning, because such packages are still installed.
 */
export function parseNpmName(name: unknown, warnings: string[]): NpmName {
  if (typeof name !== "string" || name === "") throw invalid('its package.json has no "name"');
  const match = /^(?:@([^/]+)\/)?([^/]+)$/.exec(name);
  const scope = match?.[1] ?? "";
  const bare = match?.[2] ?? "";
  const isWrong =
    name.length > MAX_NAME ||
    bare === "" ||
    [scope, bare].some((part) => !isUrlSafe(part) || /^[._]/.test(part)) ||
    ["node_modules", "favicon.ico"].includes(name.toLowerCase());
  if (isWrong) throw invalid(`"${name}" is not an npm package name`);
  if (/[^a-z0-9._~@/-]/.test(name)) warnings.push(`"${name}" breaks npm's rules for new names (lower case, no ~'!()*)`);
  return { scope, bare };
}

/** `encodeURIComponent` throws for a lone surrogate, so that is checked first. */
function isUrlSafe(text: string): boolean {
  return text.isWellFormed() && encodeURIComponent(text) === text;
}
