// C0 and C1 controls except newline and tab, and the bidirectional controls, which reorder text on the screen.
// oxlint-disable-next-line no-control-regex -- the pattern exists to find control characters
const DANGEROUS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Makes untrusted text safe for a terminal: characters that move the cursor or hide text become `\u{...}`. */
export function printable(text: string): string {
  return text.replace(DANGEROUS, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
