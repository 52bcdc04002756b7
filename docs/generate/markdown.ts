import { exitStatuses } from "../../src/errors.ts";
import { settingInfos } from "../../src/operations/feed-store/setting-names.ts";
import type { CommandPage, Entry, Manual } from "./model.ts";
import { parseNotes } from "./notes.ts";

const GENERATED = "<!-- Written by `npm run docs` from the command tree. Do not edit. -->";

/** The pages of docs/reference by file name: one for each noun, and an index. */
export function referencePages(manual: Manual): Map<string, string> {
  const nouns = Map.groupBy(
    manual.pages.filter(({ path }) => path.length > 0),
    ({ path }) => path[0] ?? "",
  );
  const pages = new Map([["README.md", indexPage(manual)]]);
  for (const [noun, members] of nouns) pages.set(`${noun}.md`, nounPage(noun, members));
  return pages;
}

function indexPage(manual: Manual): string {
  const [root, ...rest] = manual.pages;
  const nouns = root?.commands ?? [];
  const lines = nouns.map(({ name, description }) => {
    const verbs = rest.filter(({ path, commands }) => path[0] === name && commands.length === 0 && path.length > 1);
    const links = verbs.map(({ path }) => `[${path.slice(1).join(" ")}](${name}.md#${anchor(path)})`);
    return `- [\`${name}\`](${name}.md): ${escape(description)}${links.length === 0 ? "" : `\n  (${links.join(", ")})`}`;
  });
  return page(
    "# Reference",
    "Every command, argument and option. The same text is in `feedctl COMMAND --help` and in the man pages, such as\n`man feedctl-migrate-run`.",
    lines.join("\n"),
    "## Options of every command",
    manual.everywhere.map(entryLine).join("\n"),
    "## Exit status",
    exitStatuses.map(({ status, meaning }) => `- \`${status}\`: ${meaning}`).join("\n"),
    "[Scripting](../scripting.md) says how to use them.",
    "## Settings",
    "Read and changed with [`feedctl settings`](settings.md). A value saved in the catalog wins over the configuration file, and\nthat over the default.",
    settingInfos
      .map(({ name, description, fallback }) => `- \`${name}\`: ${escape(description)}. ${settingDefault(fallback)}`)
      .join("\n"),
  );
}

function settingDefault(fallback: string): string {
  return fallback === "" ? "Default: depends on the platform." : `Default: \`${fallback}\`.`;
}

function nounPage(noun: string, members: readonly CommandPage[]): string {
  return page(
    `# feedctl ${noun}`,
    ...members.flatMap((member) => commandSection(member)),
    "Every command also accepts the [options of every command](README.md#options-of-every-command).",
  );
}

function commandSection({
  path,
  description,
  usage,
  arguments: values,
  options,
  notes,
  commands,
}: CommandPage): string[] {
  const verbs = commands.map(({ name, description: text }) => {
    const target = anchor([...path, name]);
    return `- [\`${name}\`](#${target}): ${escape(text)}`;
  });
  return [
    ...(path.length > 1 ? [`## ${path.join(" ")}`] : []),
    sentence(description),
    ["```text", usage, "```"].join("\n"),
    ...listOf("Commands", verbs),
    ...listOf("Arguments", values.map(entryLine)),
    ...options.flatMap(({ title, entries }) => listOf(title, entries.map(entryLine))),
    ...parseNotes(notes).map(({ kind, text }) => (kind === "text" ? escape(text) : `\`\`\`text\n${text}\n\`\`\``)),
  ];
}

function listOf(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`**${title}**`, lines.join("\n")];
}

function entryLine({ term, description, choices, fallback }: Entry): string {
  const parts = [escape(description)];
  if (choices.length > 0) parts.push(`One of ${choices.map((choice) => `\`${choice}\``).join(", ")}.`);
  if (fallback !== undefined) parts.push(`Default: ${escape(fallback)}.`);
  return `- \`${term}\`: ${parts.length === 1 ? parts[0] : `${(parts[0] ?? "").replace(/\.$/, "")}. ${parts.slice(1).join(" ")}`}`;
}

/** The anchor that GitHub gives the heading of a command. */
function anchor(path: readonly string[]): string {
  return path.join("-");
}

/** Plain text as Markdown: nothing in it is an element or emphasis. */
function escape(text: string): string {
  return text.replaceAll(/[\\`*<>[\]]/g, String.raw`\$&`).replaceAll(/(?<!\w)_|_(?!\w)/g, String.raw`\_`);
}

function sentence(text: string): string {
  const escaped = escape(text);
  return `${escaped.charAt(0).toUpperCase()}${escaped.slice(1)}${/[.:]$/.test(escaped) ? "" : "."}`;
}

function page(title: string, ...blocks: readonly string[]): string {
  return `${[title, GENERATED, ...blocks].join("\n\n")}\n`;
}
