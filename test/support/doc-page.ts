/** One command of a page, and the lines of the page that show its output. */
export interface Step {
  readonly command: string;
  /** Hidden steps prepare the session: their output is not shown, and they must succeed. */
  readonly shown: boolean;
  /** The output is the lines from `from` up to, not including, `to`. */
  readonly from: number;
  readonly to: number;
}

/** A page of docs/ as one shell session. The form is explained in test/README.md. */
export interface DocPage {
  readonly lines: readonly string[];
  readonly steps: readonly Step[];
  /** The servers in `<!-- session: s3 azure -->`. */
  readonly servers: readonly string[];
}

export function parseDocPage(text: string): DocPage {
  const lines = text.split("\n");
  const steps: Step[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    const fence = /^```(\w+)(?: file=(\S+))?$/.exec(line);
    const end = fence ? lines.indexOf("```", index + 1) : line === "<!-- before" ? lines.indexOf("-->", index) : -1;
    if (end < 0) continue;
    if (line === "<!-- before") steps.push(...hiddenSteps(lines, index + 1, end));
    else if (fence?.[1] === "console") steps.push(...shownSteps(lines, index + 1, end));
    else if (fence?.[2] !== undefined) steps.push(fileStep(fence[2], lines.slice(index + 1, end), index));
    index = end;
  }
  const servers = /^<!-- session: (.*) -->$/m.exec(text)?.[1]?.split(" ") ?? [];
  return { lines, steps, servers };
}

function hiddenSteps(lines: readonly string[], from: number, to: number): Step[] {
  return lines.slice(from, to).map((command) => ({ command, shown: false, from: to, to }));
}

/** A block ```yaml file=rules.yaml is written to that file. */
function fileStep(file: string, content: readonly string[], at: number): Step {
  const command = `cat > ${file} <<'END-OF-FILE'\n${content.join("\n")}\nEND-OF-FILE`;
  return { command, shown: false, from: at, to: at };
}

/** A command begins with `$ `; a backslash at its end continues it in the next line. */
function shownSteps(lines: readonly string[], from: number, to: number): Step[] {
  const starts: number[] = [];
  for (let index = from; index < to; index++) if (lines[index]?.startsWith("$ ")) starts.push(index);
  if (starts[0] !== from) throw new Error(`line ${from + 1}: a console block begins with "$ "`);
  return starts.map((start, number) => {
    let last = start;
    while (lines[last]?.endsWith("\\")) last++;
    const command = lines
      .slice(start, last + 1)
      .join("\n")
      .slice(2);
    return { command, shown: true, from: last + 1, to: starts[number + 1] ?? to };
  });
}

/** The page with other output below its commands. */
export function withOutputs({ lines, steps }: DocPage, outputs: readonly (readonly string[])[]): string {
  const result = [...lines];
  for (const [index, { shown, from, to }] of [...steps.entries()].reverse())
    if (shown) result.splice(from, to - from, ...(outputs[index] ?? []));
  return result.join("\n");
}
