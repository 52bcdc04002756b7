import { trimAsciiEnd } from "../../lib/blanks.ts";
import { limits } from "../../lib/limits.ts";
import { invalid } from "../read-package.ts";

export interface HeaderField {
  /** As written; names are case-insensitive. */
  name: string;
  /**
   * The lines of the value joined with `\n`, without blanks at their ends. A continuation line loses its first blank
   * only, so that a list keeps its indentation and Debian's ` .` is a line `.`.
   */
  value: string;
}

/** One block of fields, in the order of the file. */
export interface Paragraph {
  readonly fields: readonly HeaderField[];
  /** The first value of that name; undefined when the field is missing. */
  get(name: string): string | undefined;
  /** All values of a name that may be repeated. */
  all(name: string): string[];
}

export interface HeaderRules {
  /** Names, in lower case, that may be repeated in a paragraph. Any other repetition is rejected. Default: none. */
  repeatable?: Pick<ReadonlySet<string>, "has"> | undefined;
  /** Lines that begin with `#` are skipped. Default: false. */
  comments?: boolean | undefined;
}

/** All paragraphs of a deb822 or DCF text: `Name: value` with continuation lines, blank lines between paragraphs. */
export function parseParagraphs(text: string, manifest: string, rules: HeaderRules = {}): Paragraph[] {
  const lines = splitLines(text, manifest);
  const paragraphs: Paragraph[] = [];
  for (let at = 0; at < lines.length;) {
    if (isBlank(lines[at]!)) at++;
    else {
      const { paragraph, next } = readParagraph(lines, at, manifest, rules);
      if (paragraph.fields.length > 0) paragraphs.push(paragraph);
      at = next;
    }
  }
  return paragraphs;
}

/** The only paragraph of a text. Rejects a text without one, and with several: tools would not agree which to read. */
export function parseOneParagraph(text: string, manifest: string, rules: HeaderRules = {}): Paragraph {
  const [paragraph, ...others] = parseParagraphs(text, manifest, rules);
  if (paragraph === undefined) throw invalid(`its ${manifest} is empty`);
  if (others.length > 0) throw invalid(`its ${manifest} has ${others.length + 1} paragraphs instead of one`);
  return paragraph;
}

/**
 * Headers as in a mail: fields up to the first empty line, then the text as it is. A line of blanks is an empty line of
 * the field before it: Python's tools write descriptions like that.
 */
export function parseMessage(
  text: string,
  manifest: string,
  rules: HeaderRules = {},
): { headers: Paragraph; body: string } {
  const end = /(?:^|\r?\n)\r?(?:\n|$)/.exec(text);
  const lines = splitLines(end === null ? text : text.slice(0, end.index), manifest);
  const { paragraph: headers } = readParagraph(lines, 0, manifest, { ...rules, isEnd: (line) => line === "" });
  if (headers.fields.length === 0) throw invalid(`its ${manifest} does not begin with a field`);
  return { headers, body: end === null ? "" : text.slice(end.index + end[0].length) };
}

/** Rejects lone carriage returns: tools disagree whether they end a line, and so on which fields there are. */
function splitLines(text: string, manifest: string): string[] {
  const lines = (text.startsWith("\ufeff") ? text.slice(1) : text).split(/\r?\n/);
  if (lines.some((line) => line.includes("\r"))) throw invalid(`its ${manifest} has carriage returns inside lines`);
  if (lines.some((line) => line.includes("\0"))) throw invalid(`its ${manifest} has NUL characters`);
  return lines;
}

function isBlank(line: string): boolean {
  return /^[ \t]*$/.test(line);
}

const FIELD = /^([!"$-,.-9;-~][!-9;-~]*)[ \t]*:(.*)$/s;

function readParagraph(
  lines: readonly string[],
  start: number,
  manifest: string,
  { isEnd = isBlank, ...rules }: HeaderRules & { isEnd?: (line: string) => boolean },
) {
  const parts: { name: string; lines: string[] }[] = [];
  let at = start;
  for (; at < lines.length && !isEnd(lines[at]!); at++) {
    const line = lines[at]!;
    if (rules.comments === true && line.startsWith("#")) continue;
    if (/^[ \t]/.test(line)) {
      const open = parts.at(-1);
      if (open === undefined) throw invalid(`line ${at + 1} of its ${manifest} continues no field`);
      open.lines.push(line.slice(1));
      continue;
    }
    const match = FIELD.exec(line);
    if (match === null) throw invalid(`line ${at + 1} of its ${manifest} is not a field`);
    if (parts.length >= limits.headerFields)
      throw invalid(`its ${manifest} has more than ${limits.headerFields} fields in a paragraph`);
    parts.push({ name: match[1]!, lines: [match[2]!.replace(/^[ \t]+/, "")] });
  }
  return { paragraph: createParagraph(parts, manifest, rules), next: at };
}

function createParagraph(
  parts: readonly { name: string; lines: string[] }[],
  manifest: string,
  { repeatable = new Set<string>() }: HeaderRules,
): Paragraph {
  const byName = new Map<string, string[]>();
  const fields = parts.map(({ name, lines }) => ({ name, value: lines.map((line) => trimAsciiEnd(line)).join("\n") }));
  for (const { name, value } of fields) {
    const key = name.toLowerCase();
    const values = byName.get(key);
    if (values === undefined) byName.set(key, [value]);
    else if (repeatable.has(key)) values.push(value);
    else throw invalid(`its ${manifest} has the field "${name}" twice`);
  }
  return {
    fields,
    get: (name) => byName.get(name.toLowerCase())?.[0],
    all: (name) => [...(byName.get(name.toLowerCase()) ?? [])],
  };
}
