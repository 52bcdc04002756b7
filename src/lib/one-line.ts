import { escapeUnsafe } from "./printable.ts";

/** Escapes and shortens untrusted text for a one-line message. */
export function oneLine(text: string, maxLength = 300): string {
  return escapeUnsafe((text.length > maxLength ? `${text.slice(0, maxLength)}...` : text).toWellFormed());
}
