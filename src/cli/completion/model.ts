import type { Argument, Option, CommandUnknownOpts } from "commander";
import { feedTypeInfo, isFeedType } from "../../formats/feed-types.ts";
import { settingInfos } from "../../operations/feed-store/setting-names.ts";
import { findProvider } from "../../stores/providers.ts";

/** A word that may stand somewhere. Without a description the description is empty. */
export interface Word {
  readonly name: string;
  readonly description: string;
}

/** What completes a value: `feed` and `package` come from the catalog, `text` is anything and completes nothing. */
export interface Values {
  readonly kind: "choice" | "file" | "directory" | "feed" | "package" | "text";
  /** The words of kind `choice`; empty for every other kind. */
  readonly choices: readonly Word[];
}

export interface OptionModel {
  /** Short flag first, where there is one. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined for an option without a value. */
  readonly value: Values | undefined;
  /** The value's name, such as `file`; empty where there is no value. */
  readonly placeholder: string;
}

export interface ArgumentModel {
  readonly name: string;
  readonly variadic: boolean;
  readonly value: Values;
}

/** One place in the command tree. */
export interface CommandModel {
  /** Nouns and verbs joined by spaces; empty for feedctl itself. */
  readonly path: string;
  /** What may follow: nouns or verbs. Empty where `arguments` counts. */
  readonly commands: readonly Word[];
  /** With those that every command takes. */
  readonly options: readonly OptionModel[];
  readonly arguments: readonly ArgumentModel[];
}

/** The whole tree, flat, a command before its children: what all four shells are told. */
export function completionModel(program: CommandUnknownOpts): CommandModel[] {
  const everywhere = program.options.filter((option) => !option.hidden && option.long !== "--version");
  return modelsOf(program, [], everywhere);
}

function modelsOf(command: CommandUnknownOpts, path: readonly string[], everywhere: readonly Option[]): CommandModel[] {
  const help = command.createHelp();
  const children = help.visibleCommands(command);
  const commands = children.map((child) => ({ name: child.name(), description: oneLine(child.description()) }));
  const own = help.visibleOptions(command);
  const options = [...own, ...everywhere.filter((option) => !own.some((other) => other.long === option.long))];
  const model: CommandModel = {
    path: path.join(" "),
    commands,
    options: options.map((option) => optionModel(option)),
    arguments: command.registeredArguments.map((argument) => argumentModel(argument, path, commands)),
  };
  // commander's own help command takes the names of its siblings
  const siblings = commands.filter((word) => word.name !== "help");
  return [
    model,
    ...children.flatMap((child) =>
      child.name() === "help"
        ? [helpModel([...path, "help"], siblings)]
        : modelsOf(child, [...path, child.name()], everywhere),
    ),
  ];
}

function helpModel(path: readonly string[], siblings: readonly Word[]): CommandModel {
  const value: Values = { kind: "choice", choices: siblings };
  return { path: path.join(" "), commands: [], options: [], arguments: [{ name: "command", variadic: false, value }] };
}

function optionModel(option: Option): OptionModel {
  const placeholder = /[<[]([^>\].]+)/.exec(option.flags)?.[1] ?? "";
  const takesValue = option.required || option.optional;
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: oneLine(option.description),
    value: takesValue ? valuesOf(placeholder, option.argChoices) : undefined,
    placeholder,
  };
}

function argumentModel(argument: Argument, path: readonly string[], commands: readonly Word[]): ArgumentModel {
  if (commands.length > 0)
    throw new Error(`feedctl ${path.join(" ")} has arguments beside commands: completion cannot tell them apart`);
  const isSetting = path[0] === "settings" && argument.name() === "name";
  const value: Values = isSetting
    ? { kind: "choice", choices: settingInfos }
    : valuesOf(argument.name(), argument.argChoices);
  return { name: argument.name(), variadic: argument.variadic, value };
}

/** The placeholder decides. `PATH` in capitals is a path inside a store (see StoreOption), of which no shell knows. */
function valuesOf(placeholder: string, choices: readonly string[] | undefined): Values {
  if (choices !== undefined) return { kind: "choice", choices: describe(choices) };
  const kinds: Record<string, Values["kind"]> = {
    file: "file",
    FILE: "file",
    path: "file",
    dir: "directory",
    DIR: "directory",
    directory: "directory",
    folder: "directory",
    feed: "feed",
    package: "package",
  };
  return { kind: kinds[placeholder] ?? "text", choices: [] };
}

/** What the shells themselves are called is also a feed type: only a list of nothing but types is described as such. */
function describe(choices: readonly string[]): Word[] {
  if (choices.every(isFeedType)) return choices.map((name) => ({ name, description: feedTypeInfo(name).title }));
  return choices.map((name) => ({ name, description: findProvider(name)?.title ?? "" }));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
