/** `a`, `a and b`, `a, b and c`. Intl.ListFormat does the same and costs every start several milliseconds. */
export function inWords(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} and ${last}`;
}
