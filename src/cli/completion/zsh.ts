import type { ArgumentModel, CommandModel, OptionModel, Values } from "./model.ts";

/**
 * Function names by body. Lists of choices are functions because they contain colons, which end an `_arguments` action.
 */
type ChoiceLists = Map<string, string>;

/** One function per command, based on zsh's `_arguments`, which handles `--name=value`, `--` and repeated options. */
export function zshCompletion(models: readonly CommandModel[]): string {
  const lists: ChoiceLists = new Map();
  return `#compdef feedctl
# zsh completion for feedctl. Generated from its command tree: do not edit.

${models.map((model) => (model.commands.length > 0 ? groupFunction(model, lists) : leafFunction(model, lists))).join("\n")}
${[...lists].map(([body, name]) => `${name}() {\n  ${body}\n}\n`).join("\n")}${NAMES}`;
}

function groupFunction(model: CommandModel, lists: ChoiceLists): string {
  const name = functionName(model.path);
  return `${name}() {
  local curcontext=$curcontext state line
  local -A opt_args
  _arguments -C -S ${model.options.map((option) => optionSpec(option, lists)).join(" ")} \\
    '1:command:->commands' '*:::argument:->arguments'
  case $state in
    commands)
      ${describe("command", model.commands)}
      ;;
    arguments)
      words=("$line[1]" "\${(@)words}")
      (( CURRENT++ ))
      case $line[1] in
${model.commands.map((word) => `        ${quote(word.name)}) ${functionName(`${model.path} ${word.name}`)} ;;`).join("\n")}
      esac
      ;;
  esac
}
`;
}

function leafFunction(model: CommandModel, lists: ChoiceLists): string {
  const specs = [
    ...model.options.map((option) => optionSpec(option, lists)),
    ...model.arguments.map((argument, index) => argumentSpec(argument, index, lists)),
  ];
  return `${functionName(model.path)}() {
  local line
  local -A opt_args
  _arguments -S ${specs.join(" \\\n    ")}
}
`;
}

function functionName(path: string): string {
  return `_feedctl_in_${path.trim().replaceAll(/[^A-Za-z0-9]/g, "_")}`;
}

function optionSpec({ flags, description, value, placeholder, repeatable }: OptionModel, lists: ChoiceLists): string {
  const action = value === undefined ? "" : `:${escape(placeholder)}:${actionOf(value, placeholder, lists)}`;
  const others = repeatable ? "*" : flags.length > 1 ? `(${flags.join(" ")})` : "";
  // `=` and `+`: the value may also be in the same word
  const mark = (flag: string) => (value === undefined ? "" : flag.startsWith("--") ? "=" : "+");
  return flags.map((flag) => quote(`${others}${flag}${mark(flag)}[${escape(description)}]${action}`)).join(" ");
}

function argumentSpec({ name, variadic, value }: ArgumentModel, index: number, lists: ChoiceLists): string {
  return quote(`${variadic ? "*" : index + 1}:${escape(name)}:${actionOf(value, name, lists)}`);
}

/** A leading space makes `_arguments` call the action without adding arguments. */
function actionOf({ kind, choices }: Values, name: string, lists: ChoiceLists): string {
  switch (kind) {
    case "choice":
      return ` ${listFunction(describe(name, choices), lists)}`;
    case "file":
      return "_files";
    case "directory":
      return "_files -/";
    case "feed":
      return " _feedctl_names feeds";
    case "package":
      return ' _feedctl_names packages "$line[1]" "$PREFIX"';
    case "text":
      return " ";
  }
}

function listFunction(body: string, lists: ChoiceLists): string {
  const name = lists.get(body) ?? `_feedctl_choices_${lists.size + 1}`;
  lists.set(body, name);
  return name;
}

function describe(what: string, words: readonly { name: string; description: string }[]): string {
  const list = words.map(({ name, description }) =>
    quote(`${name.replaceAll(":", String.raw`\:`)}${description === "" ? "" : `:${description}`}`),
  );
  return `local -a words_of=(${list.join(" ")}); _describe -t ${quote(what)} ${quote(what)} words_of`;
}

/** Escapes text inside a spec of `_arguments`. */
function escape(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, String.raw`\$&`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

const NAMES = String.raw`
# Names from the catalog, one a line, a tab before the description.
_feedctl_names() {
  local line option=\${feedctl_words[(i)--config*]}
  local -a names config
  case \${feedctl_words[option]-} in
    --config) config=(--config "\${(Q)feedctl_words[option+1]/#\~\//$HOME/}") ;;
    --config=*) config=("\${(Q)feedctl_words[option]}") ;;
  esac
  for line in "\${(@f)$("$feedctl_binary" __complete "$@" $config 2> /dev/null < /dev/null)}"; do
    [[ -n $line ]] && names+=("\${\${line%%$'\t'*}//:/\\:}:\${line#*$'\t'}")
  done
  _describe -t "$1" "$1" names
}

_feedctl() {
  local -a feedctl_words=("\${(@)words}")
  local feedctl_binary=\${\${(Q)words[1]}/#\~\//$HOME/}
  whence -p -- "$feedctl_binary" > /dev/null || feedctl_binary=feedctl
  _feedctl_in_
}

# Autoloaded from a directory of $fpath this file is the body of _feedctl; sourced from .zshrc it only registers.
if [[ $funcstack[1] == _feedctl ]]; then
  _feedctl "$@"
else
  compdef _feedctl feedctl
fi
`.replaceAll("\\${", "${");
