// oxlint-disable-next-line no-control-regex -- control characters are exactly what is escaped
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Text from a stranger made fit for one line of a message: control characters, invisible ones and those that turn the
 * writing direction are escaped, and the end of very long text is left out.
 */
export function printable(text: string, maxLength = 300): string {
  const shown = text.length > maxLength ? `${text.slice(0, maxLength)}...` : text;
  const escaped = shown.replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return escaped.toWellFormed();
}
