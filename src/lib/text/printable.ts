/**
 * Characters that end or move a line, are invisible, reorder text on the screen, or look like a space without being
 * one. \p{Cc}: controls, with line feed and tab; \p{Cf}: bidirectional and zero-width; \p{Cs}: half a surrogate pair;
 * \p{DI}: fillers and variation selectors; U+2800: the empty Braille pattern.
 */
const UNSAFE = /\p{Cc}|\p{Cf}|\p{Cs}|\p{Zl}|\p{Zp}|\p{DI}|\u2800|(?! )\p{Zs}/gu;
const PLAIN = /^[ -[\]-~]*$/;

/** Replaces unsafe characters with `\u{...}`. */
function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/**
 * Untrusted text as one line for people: it forges neither another line nor another name. A backslash that would read
 * as the beginning of an escape is escaped too, so that two texts never print alike.
 */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return escapeUnsafe(text.replaceAll(/\\(?=u\{)/g, escapeCharacter));
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
