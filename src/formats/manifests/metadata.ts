import { limits } from "../../lib/limits.ts";

const MAX_DEPTH = 32;

/**
 * Reduces a manifest to what the catalog stores: JSON that every database accepts (well-formed text, no NUL, bounded
 * nesting), at most 64 KiB. Drops the largest members first when it is larger; each loss adds a warning.
 */
export function boundMetadata(members: Record<string, unknown>, warnings: string[]): Record<string, unknown> {
  const kept: { key: string; value: unknown; size: number }[] = [];
  for (const [key, raw] of Object.entries(members)) {
    const value = clean(raw, 0);
    if (value === TOO_DEEP) warnings.push(`the manifest's "${key}" is nested too deeply and was left out`);
    else if (value !== undefined) kept.push({ key, value, size: Buffer.byteLength(JSON.stringify({ [key]: value })) });
  }
  let total = kept.reduce((sum, { size }) => sum + size, 1);
  while (total > limits.metadata) {
    const largest = kept.reduce((a, b) => (b.size > a.size ? b : a));
    kept.splice(kept.indexOf(largest), 1);
    total -= largest.size;
    warnings.push(
      `the manifest's "${largest.key}" is too long (${largest.size} bytes; limit "metadata") and was left out`,
    );
  }
  return Object.fromEntries(kept.map(({ key, value }) => [key, value]));
}

const TOO_DEEP = Symbol("too deep");

/** A copy without what JSON in a database cannot store. Objects are built from entries, so `__proto__` is harmless. */
function clean(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) return TOO_DEEP;
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => clean(item, depth + 1));
    return items.includes(TOO_DEEP) ? TOO_DEEP : items.filter((item) => item !== undefined);
  }
  const entries: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    const cleaned = clean(member, depth + 1);
    if (cleaned === TOO_DEEP) return TOO_DEEP;
    if (cleaned !== undefined && key !== "__proto__") entries.push([cleanText(key), cleaned]);
  }
  return Object.fromEntries(entries);
}

function cleanText(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\ufffd");
}
