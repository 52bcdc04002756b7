import { trimAsciiEnd } from "../../lib/text/blanks.ts";
import { limits } from "../../lib/limits.ts";
import { beyondLimit, invalid } from "../read-package.ts";

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
  /** What a carriage return without a line feed does: dpkg keeps it in the value, R ends the line. Default: `stay`. */
  loneReturns?: "stay" | "end lines" | undefined;
}

/** All paragraphs of a deb822 or DCF text: `Name: value` with continuation lines, blank lines between paragraphs. */
export function parseParagraphs(text: string, manifest: string, rules: HeaderRules = {}): Paragraph[] {
  const lines = withoutMark(text).split(rules.loneReturns === "end lines" ? /\r\n|\r|\n/ : /\r?\n/);
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
 * Headers as in a mail, exactly as Python's `email` package reads them, because its tools are the only ones that read
 * such manifests: `\r\n`, `\n` and a lone `\r` end a line, a line that begins with a blank continues the field before
 * it, and the first line that is neither a field nor a continuation begins the body, with or without an empty line.
 */
export function parseMessage(
  text: string,
  manifest: string,
  rules: Pick<HeaderRules, "repeatable"> = {},
): { headers: Paragraph; body: string } {
  const whole = withoutMark(text);
  const parts: FieldLines[] = [];
  let open: FieldLines | undefined;
  let at = 0;
  for (const { 0: ended, 1: line = "", index } of whole.matchAll(/([^\r\n]*)(?:\r\n|\r|\n|$)/g)) {
    at = index;
    if (!MESSAGE_LINE.test(line)) {
      // only an empty line is not part of the body
      if (line === "") at += ended.length;
      break;
    }
    at += ended.length;
    if (/^[ \t]/.test(line)) open?.lines.push(line.slice(1));
    else {
      open = messageField(line);
      if (open !== undefined) parts.push(open);
      if (parts.length > limits.headerFields) throw tooMany(manifest);
    }
  }
  if (parts.length === 0) throw invalid(`its ${manifest} does not begin with a field`);
  return { headers: createParagraph(parts, manifest, { ...rules, sameAgain: true }), body: whole.slice(at) };
}

/** The begin of an envelope (`From `), a field, or a continuation. */
const MESSAGE_LINE = /^(?:From |[!-9;-~]*:|[ \t])/;

/** Undefined for an envelope and a field without a name, which Python ignores. */
function messageField(line: string): FieldLines | undefined {
  const colon = line.indexOf(":");
  if (line.startsWith("From ") || colon === 0) return undefined;
  return { name: line.slice(0, colon), lines: [line.slice(colon + 1).replace(/^[ \t]+/, "")] };
}

function tooMany(manifest: string) {
  return beyondLimit("headerFields", `its ${manifest} has`, { noun: "fields in a paragraph" });
}

function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

interface FieldLines {
  name: string;
  lines: string[];
}

function isBlank(line: string): boolean {
  return /^[ \t]*$/.test(line);
}

const FIELD = /^([!"$-,.-9;-~][!-9;-~]*)[ \t]*:(.*)$/s;

function readParagraph(lines: readonly string[], start: number, manifest: string, rules: HeaderRules) {
  const parts: FieldLines[] = [];
  let at = start;
  for (; at < lines.length && !isBlank(lines[at]!); at++) {
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
    if (parts.length >= limits.headerFields) throw tooMany(manifest);
    parts.push({ name: match[1]!, lines: [match[2]!.replace(/^[ \t]+/, "")] });
  }
  return { paragraph: createParagraph(parts, manifest, rules), next: at };
}

function createParagraph(
  parts: readonly FieldLines[],
  manifest: string,
  { repeatable = new Set<string>(), sameAgain = false }: HeaderRules & { sameAgain?: boolean },
): Paragraph {
  const byName = new Map<string, string[]>();
  const fields = parts.map(({ name, lines }) => ({ name, value: lines.map((line) => trimAsciiEnd(line)).join("\n") }));
  for (const { name, value } of fields) {
    const key = name.toLowerCase();
    const values = byName.get(key);
    if (values === undefined) byName.set(key, [value]);
    else if (repeatable.has(key)) values.push(value);
    else if (!sameAgain || values[0] !== value) throw invalid(`its ${manifest} has the field "${name}" twice`);
  }
  return {
    fields,
    get: (name) => byName.get(name.toLowerCase())?.[0],
    all: (name) => [...(byName.get(name.toLowerCase()) ?? [])],
  };
}
