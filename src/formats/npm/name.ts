import { invalid } from "../read-package.ts";

const MAX_NAME = 214;

export interface NpmName {
  /** Without `@`; empty for an unscoped package. */
  scope: string;
  bare: string;
}

/**
 * Takes an npm package name apart. Rejects what npm never took; names that npm only took in its first years (upper
 * case, special characters) are accepted with a warning, because such packages are still installed.
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

/** Encoding a well-formed text never throws; a lone surrogate would make it. */
function isUrlSafe(text: string): boolean {
  return text.isWellFormed() && encodeURIComponent(text) === text;
}
