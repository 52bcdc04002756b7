import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Argument, CommandUnknownOpts, Option } from "commander";
import type { Edge } from "../../src/cli/frame/edge.ts";
import { createProgram } from "../../src/cli/program.ts";

export const repository = join(import.meta.dirname, "..", "..");

/** An argument or an option, as the reference shows it. */
export interface Entry {
  /** As one types it: `--to <type>`, `[feed]`. */
  readonly term: string;
  readonly description: string;
  /** Empty where any value is accepted. */
  readonly choices: readonly string[];
  /** Text of the default; undefined where there is none, or the description gives it. */
  readonly fallback: string | undefined;
}

export interface EntryGroup {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** One command of the tree, with everything that its page shows. */
export interface CommandPage {
  /** `["migrate", "run"]`; empty for feedctl itself. */
  readonly path: readonly string[];
  readonly description: string;
  /** `feedctl migrate run [options] [feed]` */
  readonly usage: string;
  readonly arguments: readonly Entry[];
  readonly options: readonly EntryGroup[];
  /** What --help prints below the options, such as examples; may be empty. */
  readonly notes: string;
  readonly commands: readonly { readonly name: string; readonly description: string }[];
}

export interface Manual {
  readonly version: string;
  /** Every visible command, parents before their children, feedctl itself first. */
  readonly pages: readonly CommandPage[];
  /** The options that every command accepts. */
  readonly everywhere: readonly Entry[];
  /** The variables of the environment, from the table in docs/catalog.md. */
  readonly environment: readonly Entry[];
}

/** Reads the whole manual from the command tree. No action runs, so the edge is never used. */
export function readManual(): Manual {
  const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as { version: string };
  const edge = { act: () => Promise.reject(new Error("the manual runs no command")) } as unknown as Edge;
  const program = createProgram(edge, version);
  const everywhere = program.createHelp().visibleOptions(program).map(optionEntry);
  return { version, everywhere, environment: readEnvironment(), pages: pagesOf(program, []) };
}

/** A row is `| variable | entry of the configuration file | meaning |`. */
function readEnvironment(): Entry[] {
  const text = readFileSync(join(repository, "docs", "catalog.md"), "utf8");
  return [...text.matchAll(/^\| `(FEEDCTL_\w+)\S* +\|([^|]*)\| (.*?) +\|$/gm)].map(
    ([, term = "", entry = "", meaning = ""]) => {
      const name = entry.replaceAll("`", "").trim();
      const description = `${meaning.replaceAll("`", "")}${name === "" ? "" : `; in the configuration file: ${name}`}`;
      return { term, description, choices: [], fallback: undefined };
    },
  );
}

function pagesOf(command: CommandUnknownOpts, path: readonly string[]): CommandPage[] {
  const help = command.createHelp();
  const children = help.visibleCommands(command).filter((child) => child.name() !== "help");
  const page: CommandPage = {
    path,
    description: command.description(),
    usage: help.commandUsage(command),
    arguments: command.registeredArguments.map(argumentEntry),
    options: path.length === 0 ? [] : groupsOf(command),
    notes: path.length === 0 ? "" : notesOf(command),
    commands: children.map((child) => ({ name: child.name(), description: child.description() })),
  };
  return [page, ...children.flatMap((child) => pagesOf(child, [...path, child.name()]))];
}

/** The options under the headings of --help; --help itself is one of those that every command accepts. */
function groupsOf(command: CommandUnknownOpts): EntryGroup[] {
  const options = command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== "--help");
  const groups = Map.groupBy(options, ({ helpGroupHeading }) => helpGroupHeading ?? "Options:");
  return [...groups].map(([title, members]) => ({
    title: title.replace(/:$/, ""),
    entries: members.map(optionEntry),
  }));
}

/** commander has no list of added texts: they are what `outputHelp` writes after the help itself. */
function notesOf(command: CommandUnknownOpts): string {
  let written = "";
  command.configureOutput({ writeOut: (text) => void (written += text) });
  command.outputHelp();
  return written.slice(command.helpInformation().length).trim();
}

function argumentEntry(argument: Argument): Entry {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return {
    term: argument.required ? `<${name}>` : `[${name}]`,
    description: argument.description,
    choices: argument.argChoices ?? [],
    fallback: fallbackOf(argument.defaultValueDescription, argument.defaultValue),
  };
}

function optionEntry(option: Option): Entry {
  return {
    term: option.flags,
    description: option.long === "--help" ? "show the help of a command" : option.description,
    choices: option.argChoices ?? [],
    fallback: option.negate ? undefined : fallbackOf(option.defaultValueDescription, option.defaultValue),
  };
}

function fallbackOf(description: string | undefined, value: unknown): string | undefined {
  if (description !== undefined) return description;
  return typeof value === "number" || (typeof value === "string" && value !== "") ? String(value) : undefined;
}
