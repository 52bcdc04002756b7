import { exitStatuses } from "../../src/errors.ts";
import type { CommandPage, Entry, EntryGroup, Manual } from "./model.ts";
import { type Note, parseNotes } from "./notes.ts";

/** The man pages by file name, such as `feedctl-migrate-run.1`: one for each command and noun. */
export function manPages(manual: Manual): Map<string, string> {
  return new Map(manual.pages.map((page) => [`${manName(page.path)}.1`, manPage(page, manual)]));
}

function manPage(page: CommandPage, manual: Manual): string {
  const name = manName(page.path);
  const notes = parseNotes(page.notes);
  const found = notes.findIndex(({ text }) => /^Examples?:$/.test(text));
  const examples = found < 0 ? notes.length : found;
  const sections = [
    `.TH ${quote(name.toUpperCase())} 1 "" ${quote(`feedctl ${manual.version}`)} "feedctl manual"`,
    // no justified lines and no hyphens in the names of options
    ".ad l",
    ".nh",
    ...section("NAME", [`${roff(name)} \\- ${roff(page.description)}`]),
    ...section("SYNOPSIS", synopsis(page)),
    ...section("DESCRIPTION", noteLines(notes.slice(0, examples))),
    ...section(
      "COMMANDS",
      page.commands.flatMap((child) => tagged(`\\fB${roff(child.name)}\\fR`, roff(child.description))),
    ),
    ...section("ARGUMENTS", page.arguments.flatMap(entryLines)),
    ...section("OPTIONS", page.options.flatMap(groupLines)),
    ...section("OPTIONS OF EVERY COMMAND", manual.everywhere.flatMap(entryLines)),
    ...section(
      "EXIT STATUS",
      exitStatuses.flatMap(({ status, meaning }) => tagged(String(status), roff(meaning))),
    ),
    ...section("ENVIRONMENT", page.path.length > 0 ? [] : manual.environment.flatMap(entryLines)),
    ...section("EXAMPLES", noteLines(notes.slice(examples + 1))),
    ...section("SEE ALSO", [seeAlso(page, manual)]),
  ];
  return `.\\" Written by the build from the command tree. Do not edit.\n${sections.join("\n")}\n`;
}

function manName(path: readonly string[]): string {
  return ["feedctl", ...path].join("-");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${quote(title)}`, ...lines];
}

/** The words of the command in bold, what follows as it is. */
function synopsis({ path, usage }: CommandPage): string[] {
  const words = ["feedctl", ...path].join(" ");
  return [`\\fB${roff(words)}\\fR${roff(usage.slice(words.length))}`];
}

function groupLines({ title, entries }: EntryGroup): string[] {
  const heading = title === "Options" ? [] : [`.SS ${quote(title)}`];
  return [...heading, ...entries.flatMap(entryLines)];
}

function entryLines({ term, description, choices, fallback }: Entry): string[] {
  const facts = [
    ...(choices.length === 0 ? [] : [`One of ${choices.join(", ")}.`]),
    ...(fallback === undefined ? [] : [`Default: ${fallback}.`]),
  ];
  const text = facts.length === 0 ? description : `${description.replace(/\.$/, "")}. ${facts.join(" ")}`;
  const flags = term.replaceAll(/--?[a-zA-Z][-\w]*|^[A-Z_]{2,}$/g, "\0$&\u0001");
  return tagged(roff(flags).replaceAll("\0", "\\fB").replaceAll("\u0001", "\\fR"), roff(text));
}

function tagged(term: string, text: string): string[] {
  return [".TP", term, text];
}

function noteLines(notes: readonly Note[]): string[] {
  return notes.flatMap(({ kind, text }) => {
    const lines = text.split("\n").map(roff);
    return kind === "text" ? [".PP", ...lines] : [".PP", ".nf", ".RS 2", ...lines, ".RE", ".fi"];
  });
}

function seeAlso({ path, commands }: CommandPage, manual: Manual): string {
  const parent = path.slice(0, -1);
  const siblings = manual.pages.filter(
    (page) =>
      path.length > 1 && page.path.length === path.length && page.path.slice(0, -1).join(" ") === parent.join(" "),
  );
  const names = [
    ...(path.length > 0 ? ["feedctl"] : []),
    ...(parent.length > 0 ? [manName(parent)] : []),
    ...siblings.filter((page) => page.path !== path).map((page) => manName(page.path)),
    ...commands.map(({ name }) => manName([...path, name])),
  ];
  return names.map((name) => `\\fB${roff(name)}\\fR(1)`).join(",\n");
}

/** Plain text as roff: no character in it is a request or an escape, and a hyphen can be copied into a shell. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("^", "\\(ha")
    .replaceAll("~", "\\(ti")
    .replace(/^[.]/, "\\&.");
}

function quote(text: string): string {
  return `"${roff(text).replaceAll('"', "\\(dq")}"`;
}
