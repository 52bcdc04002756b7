import type { CommandModel, Values } from "./model.ts";

/** Works from bash 3.2 on (macOS): no associative arrays, no mapfile, and compopt only if it exists. */
export function bashCompletion(models: readonly CommandModel[]): string {
  return `# bash completion for feedctl. Generated from its command tree: do not edit.

# What may follow the command in $1: sets commands and options.
_feedctl_command() {
  commands="" options=""
  case $1 in
${models.map(commandCase).join("\n")}
  esac
}

# What completes the value of option $2 of the command in $1: sets values, empty for an option without a value.
_feedctl_option() {
  values=""
  case "$1 $2" in
${[...new Set(models.flatMap(optionCases))].join("\n")}
  esac
}

# What completes argument number $2 of the command in $1: sets values.
_feedctl_argument() {
  values=""
  case "$1:$2" in
${models.flatMap(argumentCases).join("\n")}
  esac
}
${WALK}`;
}

function commandCase(model: CommandModel): string {
  const commands = model.commands.map((word) => word.name).join(" ");
  const options = model.options.flatMap((option) => option.flags).join(" ");
  return `    ${quote(model.path)}) commands=${quote(commands)} options=${quote(options)} ;;`;
}

function optionCases(model: CommandModel): string[] {
  return model.options.flatMap(({ flags, value }) =>
    value === undefined
      ? []
      : [`    ${flags.map((flag) => quote(`${model.path} ${flag}`)).join("|")}) values=${valuesText(value)} ;;`],
  );
}

function argumentCases(model: CommandModel): string[] {
  return model.arguments.map(
    ({ variadic, value }, index) =>
      `    ${variadic ? `${quote(`${model.path}:`)}*` : quote(`${model.path}:${index}`)}) values=${valuesText(value)} ;;`,
  );
}

/** The kind, followed by the words of a choice. */
function valuesText({ kind, choices }: Values): string {
  return quote([kind, ...choices.map((choice) => choice.name)].join(" "));
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

const WALK = String.raw`
# Sets words to what was typed up to the cursor. Bash cuts words at = and : and @; what no space separates is one word.
_feedctl_words() {
  local line=\${COMP_LINE:0:\${COMP_POINT:-0}} index=0 piece rest
  words=()
  for (( index = 0; index <= COMP_CWORD; index++ )); do
    piece=\${COMP_WORDS[index]}
    rest=\${line#"\${line%%[![:space:]]*}"}
    [[ -n $line && $index == "$COMP_CWORD" ]] && piece=$rest # the cursor may be inside a word
    if [[ $index -gt 0 && -n $line && $rest == "$line" ]]; then
      words[\${#words[@]}-1]+=$piece
    else
      words+=("$piece")
    fi
    line=\${rest#"$piece"}
  done
}

_feedctl_reply() {
  local word=$1
  [[ $word == "$current"* ]] || return 0
  word=$lead$word
  COMPREPLY+=("\${word#"$kept"}")
}

# Names from the catalog, one a line, a tab before the description. Never evaluated: names are data.
_feedctl_names() {
  local binary=\${words[0]/#\~/$HOME} name rest
  type -P "$binary" > /dev/null || binary=feedctl
  while IFS=$'\t' read -r name rest; do
    [[ -n $name ]] && _feedctl_reply "$name"
  done <<< "$("$binary" __complete "$@" \${config[@]+"\${config[@]}"} 2> /dev/null < /dev/null)"
}

_feedctl_values() {
  local word
  case $1 in
    choice*) for word in \${1#choice}; do _feedctl_reply "$word"; done ;;
    feed) _feedctl_names feeds ;;
    package) [[ -n $feed ]] && _feedctl_names packages "$feed" "$current" ;;
    directory) compopt -o nospace -o dirnames 2> /dev/null ;; # readline itself knows best how to complete files
    file) compopt -o default 2> /dev/null ;;
  esac
  return 0
}

_feedctl() {
  local IFS=$' \t\n' words config=() path="" feed="" position=0 option="" values="" argument_only="" commands options
  local index word current lead="" kept=""
  COMPREPLY=()
  _feedctl_words
  for (( index = 1; index < \${#words[@]} - 1; index++ )); do
    word=\${words[index]}
    if [[ -n $values ]]; then
      [[ $option == --config ]] && config=(--config "\${word/#\~/$HOME}")
      values=""
    elif [[ $word == -- && -z $argument_only ]]; then
      argument_only=yes
    elif [[ $word == --*=* && -z $argument_only ]]; then
      [[ $word == --config=* ]] && config=("$word")
    elif [[ $word == -?* && -z $argument_only ]]; then
      option=$word
      _feedctl_option "$path" "$option"
    else
      _feedctl_command "$path"
      if [[ $position == 0 && " $commands " == *" $word "* ]]; then
        path="\${path:+$path }$word"
      else
        _feedctl_argument "$path" "$position"
        [[ $values == feed ]] && feed=$word
        values=""
        position=$((position + 1))
      fi
    fi
  done

  word=\${words[index]}
  [[ -n \${2-} && $word == *"$2" ]] && kept=\${word%"$2"} # readline replaces only what follows the last = : or @
  [[ -z \${2-x} ]] && kept=$word
  current=\${word#[\"\']}
  if [[ -n $values ]]; then
    _feedctl_values "$values"
  elif [[ $current == --*=* && -z $argument_only ]]; then
    lead=\${current%%=*}=
    _feedctl_option "$path" "\${current%%=*}"
    current=\${current#*=}
    _feedctl_values "$values"
  else
    _feedctl_command "$path"
    _feedctl_argument "$path" "$position"
    if [[ $current == -* || ( -z $current && -z $commands && -z $values ) ]] && [[ -z $argument_only ]]; then
      for word in $options; do _feedctl_reply "$word"; done
    elif [[ -n $commands ]]; then
      [[ $position == 0 ]] && for word in $commands; do _feedctl_reply "$word"; done
    else
      _feedctl_values "$values"
    fi
  fi
  return 0
}

# Without compopt (bash 3.2) files are completed wherever nothing else is found.
if type compopt > /dev/null 2>&1; then
  complete -F _feedctl feedctl
else
  complete -o default -F _feedctl feedctl
fi
`.replaceAll("\\${", "${");
