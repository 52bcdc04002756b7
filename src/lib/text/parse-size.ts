const UNITS: Record<string, number> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/**
 * The number of bytes of `10M`, `1.5GiB` or `4096`. K, M, G and T are powers of 1,024, with or without `B` or `iB`.
 * Undefined: the text is not a size.
 */
export function bytesOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtb]?)(?:i?b)?$/i.exec(text.trim());
  const unit = UNITS[(match?.[2] ?? "").toLowerCase()];
  return match === null || unit === undefined ? undefined : Math.round(Number(match[1]) * unit);
}
