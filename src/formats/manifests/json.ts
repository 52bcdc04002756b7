import { invalid } from "../read-package.ts";

/**
 * Parses a JSON manifest whose top is an object. Skips a byte order mark; as in npm, broken UTF-8 only adds a warning.
 */
export function parseJsonManifest(bytes: Buffer, name: string, warnings: string[]): Record<string, unknown> {
  const text = new TextDecoder("utf-8").decode(bytes);
  if (text.includes("\ufffd")) warnings.push(`its ${name} is not clean UTF-8 text`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`its ${name} is not JSON (${(error as Error).message})`, error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`its ${name} is not a JSON object`);
  return value as Record<string, unknown>;
}
