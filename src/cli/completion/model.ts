import type { Argument, Option, CommandUnknownOpts } from "commander";
import { feedTypeInfo, isFeedType } from "../../formats/feed-types.ts";
import { isRepeatable } from "../frame/parsers.ts";
import { settingInfos } from "../../operations/feed-store/setting-names.ts";
import { findProvider } from "../../stores/providers.ts";

/** A word that can be completed. The description may be empty. */
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
  /** The short flag first, if there is one. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined for an option without a value. */
  readonly value: Values | undefined;
  /** The value's name, such as `file`; empty for an option without a value. */
  readonly placeholder: string;
  readonly repeatable: boolean;
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
  /** The nouns or verbs that may follow. Empty for a command that has `arguments`. */
  readonly commands: readonly Word[];
  /** The command's options, and those that every command has. */
  readonly options: readonly OptionModel[];
  readonly arguments: readonly ArgumentModel[];
}

/**
 * The command tree as a flat list, a command before its children. All four completion scripts are generated from it.
 */
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
  // commander's own help command has the names of its siblings as arguments
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
    repeatable: isRepeatable(option),
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

/**
 * How a value is completed, by its placeholder. `PATH` is a path inside a store (see StoreOption), unknown to shells.
 */
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

/**
 * Describes choices that are all feed types: `powershell` alone may also be a shell. Others are described as providers.
 */
function describe(choices: readonly string[]): Word[] {
  if (choices.every(isFeedType)) return choices.map((name) => ({ name, description: feedTypeInfo(name).title }));
  return choices.map((name) => ({ name, description: findProvider(name)?.title ?? "" }));
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
