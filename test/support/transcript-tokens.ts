/** Output that differs between runs, and its token in a transcript. */
const tokens: { token: string; pattern: string; always: boolean }[] = [
  { token: "[DATE]", pattern: String.raw`\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?`, always: true },
  { token: "[UUID]", pattern: "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", always: true },
  { token: "[TIME]", pattern: String.raw`\d+(?:\.\d+)? ?(?:ms|s|min|h)\b`, always: true },
  { token: "[RATE]", pattern: String.raw`\d+(?:\.\d+)? ?[kMG]?i?B/s`, always: true },
  // Only where the transcript has the token: a size or a number is often what it should prove.
  { token: "[SIZE]", pattern: String.raw`\d+(?:\.\d+)? ?[kMGT]?i?B\b`, always: false },
  { token: "[HASH]", pattern: "[0-9a-f]{32,128}", always: false },
  { token: "[N]", pattern: String.raw`\d+`, always: false },
  { token: "[ANY]", pattern: ".*", always: false },
];

/** The line as a transcript shows it. `directory` is the sandbox. */
export function toTokens(line: string, directory: string): string {
  let text = line.replaceAll(JSON.stringify(directory).slice(1, -1), "[DIR]").replaceAll(directory, "[DIR]");
  // in reverse: a rate contains a size and a time
  for (const { token, pattern, always } of tokens.toReversed()) {
    if (always) text = text.replaceAll(new RegExp(String.raw`(?<![\w.])${pattern}`, "g"), token);
  }
  return text;
}

/** A transcript's command line as it is run. */
export function fromTokens(text: string, directory: string): string {
  return text.replaceAll("[DIR]", directory);
}

/** Whether `actual` (with its tokens) matches a line of the transcript, in which a token matches all its values. */
export function matches(expected: string, actual: string): boolean {
  if (expected === actual) return true;
  const names = tokens.map(({ token }) => RegExp.escape(token)).join("|");
  const pattern = expected
    .split(new RegExp(`(${names})`))
    .map((part) => {
      const known = tokens.find(({ token }) => token === part);
      if (known === undefined) return RegExp.escape(part);
      return known.always ? RegExp.escape(part) : `(?:${known.pattern})`;
    })
    .join("");
  return new RegExp(`^${pattern}$`).test(actual);
}
