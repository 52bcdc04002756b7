/** A part of the text below a command's options: prose that may be filled, or lines that stay as they are. */
export interface Note {
  readonly kind: "text" | "lines";
  readonly text: string;
}

/** Splits help text at empty lines, and a heading such as `Examples:` from the indented lines below it. */
export function parseNotes(notes: string): Note[] {
  if (notes === "") return [];
  return notes.split(/\n{2,}/).flatMap((block) => {
    const lines = block.split("\n");
    const first = lines.findIndex((line) => /^ {2}/.test(line));
    if (first < 0) return [{ kind: "text" as const, text: block }];
    const heading = lines.slice(0, first);
    // a block of several headings with lines below each is a table, and stays as it is
    if (
      heading.length !== 1 ||
      !(heading[0] ?? "").endsWith(":") ||
      lines.slice(first).some((line) => !/^ {2}/.test(line))
    )
      return [{ kind: "lines" as const, text: block }];
    const indented = lines.slice(first).map((line) => line.slice(2));
    return [
      { kind: "text" as const, text: heading.join("\n") },
      { kind: "lines" as const, text: indented.join("\n") },
    ];
  });
}
