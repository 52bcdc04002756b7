/**
 * Shortens untrusted text that a message quotes. Replaces what the catalog cannot hold, NUL and half surrogate pairs. All
 * other characters stay: `printable` escapes them once, where the message is printed.
 */
export function excerpt(text: string, maxLength = 300): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength)}...` : text;
  return short.toWellFormed().replaceAll("\0", "\ufffd");
}
