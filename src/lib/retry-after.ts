/**
 * The header Retry-After in milliseconds: seconds, or a date that is held against the answer's own Date, so that wrong
 * clocks do not matter. Undefined where there is none or it makes no sense.
 */
export function parseRetryAfter(value: string | undefined, date?: string): number | undefined {
  const text = value?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const then = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(then)) return undefined;
  const answered = Date.parse(date ?? "");
  return Math.max(0, then - (Number.isNaN(answered) ? Date.now() : answered));
}
