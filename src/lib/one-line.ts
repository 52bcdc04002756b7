import { printable } from "./printable.ts";

/** Escapes and shortens untrusted text for a one-line message. */
export function oneLine(text: string, maxLength = 300): string {
  const shown = text.length > maxLength ? `${text.slice(0, maxLength)}...` : text;
  return printable(shown.toWellFormed()).replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");
}
