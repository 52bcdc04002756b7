/**
 * Removes ASCII blanks at both ends, as C's `isspace`, Ruby's `strip` and PHP's `trim` do. JavaScript's `trim` also
 * removes U+FEFF, U+00A0, U+2028 and others, which those tools refuse.
 */
export function trimAscii(text: string): string {
  return trimEnd(trimStart(text, isAsciiBlank), isAsciiBlank);
}

export function trimAsciiEnd(text: string): string {
  return trimEnd(text, isAsciiBlank);
}

/** Removes what Unicode calls white space at both ends, as Python's `strip` and .NET's `Trim` do. U+FEFF stays. */
export function trimUnicode(text: string): string {
  return trimEnd(trimStart(text, isUnicodeBlank), isUnicodeBlank);
}

type IsBlank = (character: string) => boolean;

const isAsciiBlank: IsBlank = (character) => character === " " || (character >= "\t" && character <= "\r");
const isUnicodeBlank: IsBlank = (character) => /\p{White_Space}/u.test(character);

function trimStart(text: string, isBlank: IsBlank): string {
  let start = 0;
  while (start < text.length && isBlank(text[start]!)) start++;
  return text.slice(start);
}

function trimEnd(text: string, isBlank: IsBlank): string {
  let end = text.length;
  while (end > 0 && isBlank(text[end - 1]!)) end--;
  return text.slice(0, end);
}
