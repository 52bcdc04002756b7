/**
 * How many bytes the body of a response has, by its headers. Undefined: they do not say it, as when a proxy left
 * Content-Length out. The end of a broken connection then looks like the end of the body.
 */
export function bodyLength(headers: Readonly<Record<string, string>>): number | undefined {
  if (headers["content-length"] !== undefined) return Number(headers["content-length"]);
  const [, first, last] = /^bytes (\d+)-(\d+)/.exec(headers["content-range"] ?? "") ?? [];
  return first === undefined ? undefined : Number(last) - Number(first) + 1;
}
