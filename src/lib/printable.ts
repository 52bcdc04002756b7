// C0 and C1 controls but the newline and the tab, and the bidirectional controls that reorder what a reader sees
// oxlint-disable-next-line no-control-regex -- control characters are exactly what must not reach a terminal
const DANGEROUS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Text from packages and servers made safe for a terminal: what could move the cursor or hide text becomes `\u{...}`. */
export function printable(text: string): string {
  return text.replace(DANGEROUS, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
