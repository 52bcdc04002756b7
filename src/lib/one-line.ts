import { printable } from "./printable.ts";

/** Text from a stranger as part of a one-line message: nothing that breaks the line or the terminal, and not endless. */
export function oneLine(text: string, maxLength = 300): string {
  const shown = text.length > maxLength ? `${text.slice(0, maxLength)}...` : text;
  return printable(shown.toWellFormed()).replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");
}
