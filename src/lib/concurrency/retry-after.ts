/**
 * The value of a Retry-After header in milliseconds. The header has seconds or a date; a date is compared with the Date
 * header of the same response, so that clock differences do not matter. Undefined: it is absent or malformed.
 */
export function parseRetryAfter(value: string | undefined, date?: string): number | undefined {
  const text = value?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const then = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(then)) return undefined;
  const answered = Date.parse(date ?? "");
  return Math.max(0, then - (Number.isNaN(answered) ? Date.now() : answered));
}
