import type { ArgumentModel, CommandModel, OptionModel, Values, Word } from "./model.ts";

/** One function completes every line: hundreds of `complete -n` conditions would each parse the line again. */
export function fishCompletion(models: readonly CommandModel[]): string {
  const valued = models.flatMap((model) =>
    model.options.flatMap((option) => (option.value === undefined ? [] : [{ model, option, value: option.value }])),
  );
  return `# fish completion for feedctl. Generated from its command tree: do not edit.

# The commands that may follow the command in $argv[1].
function __feedctl_commands
    switch "$argv[1]"
${models
  .filter((model) => model.commands.length > 0)
  .map((model) => caseOf([model.path], lines(model.commands)))
  .join("\n")}
    end
end

# The options of the command in $argv[1].
function __feedctl_options
    switch "$argv[1]"
${models
  .filter((model) => model.options.length > 0)
  .map((model) => caseOf([model.path], lines(model.options.flatMap(optionWords))))
  .join("\n")}
    end
end

# The values of option $argv[2] of the command in $argv[1]; fails for an option without a value.
function __feedctl_option_values
    switch "$argv[1] $argv[2]"
${valued
  .map(({ model, option, value }) =>
    caseOf(
      option.flags.map((flag) => `${model.path} ${flag}`),
      valuesOf(value),
    ),
  )
  .join("\n")}
        case '*'
            return 1
    end
    return 0
end

# What kind of value argument number $argv[2] of the command in $argv[1] is.
function __feedctl_argument_values
    switch "$argv[1]:$argv[2]"
${models.flatMap((model) => model.arguments.map((argument, index) => caseOf([argumentPattern(model, argument, index)], valuesOf(argument.value)))).join("\n")}
    end
end
${WALK}`;
}

function argumentPattern({ path }: CommandModel, { variadic }: ArgumentModel, index: number): string {
  return variadic ? `${path}:*` : `${path}:${index}`;
}

function caseOf(patterns: readonly string[], body: string): string {
  return `        case ${patterns.map(quote).join(" ")}\n            ${body}`;
}

function optionWords({ flags, description }: OptionModel): Word[] {
  return flags.map((name) => ({ name, description }));
}

function valuesOf({ kind, choices }: Values): string {
  return kind === "choice" ? lines(choices) : `echo ${quote(`<${kind}>`)}`;
}

/** A word, a tab and its description on each line. */
function lines(words: readonly Word[]): string {
  return `printf '%s\\t%s\\n' ${words.map(({ name, description }) => `${quote(name)} ${quote(description)}`).join(" ")}`;
}

/** Within single quotes fish has only the escapes \\ and \'. */
function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}

const WALK = String.raw`
# Turns <feed>, <file> and the like into names; other lines stay. $argv[1] is the typed part, then feed and --config.
function __feedctl_expand
    set -l binary (commandline -opc)[1]
    type -q -- $binary; or set binary feedctl
    while read -l line
        switch $line
            case '<feed>'
                command $binary __complete feeds $argv[3..-1] 2>/dev/null </dev/null
            case '<package>'
                test -n "$argv[2]"; and command $binary __complete packages $argv[2] $argv[1] $argv[3..-1] 2>/dev/null </dev/null
            case '<file>'
                __fish_complete_path $argv[1]
            case '<directory>'
                __fish_complete_directories $argv[1]
            case '<text>'
            case '*'
                echo -- $line
        end
    end
end

function __feedctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l path ''
    set -l feed ''
    set -l config
    set -l position 0
    set -l option ''
    set -l argument_only no
    for word in $words[2..-1]
        if test -n "$option"
            test "$option" = --config; and set config --config $word
            set option ''
        else if test $argument_only = no; and string match -q -- '-*' $word
            switch $word
                case --
                    set argument_only yes
                case '--config=*'
                    set config $word
                case '--*=*'
                case '*'
                    __feedctl_option_values "$path" $word >/dev/null; and set option $word
            end
        else if test $position = 0; and contains -- $word (__feedctl_commands "$path" | string replace -r '\t.*' '')
            set path (string trim "$path $word")
        else
            test "$(__feedctl_argument_values "$path" $position)" = '<feed>'; and set feed $word
            set position (math $position + 1)
        end
    end

    if test -n "$option"
        __feedctl_option_values "$path" $option | __feedctl_expand "$current" "$feed" $config
    else if test $argument_only = no; and string match -q -- '--*=*' $current
        set -l parts (string split -m 1 = -- $current)
        __feedctl_option_values "$path" $parts[1] | __feedctl_expand "$parts[2]" "$feed" $config | string replace -r -- '^' "$parts[1]="
    else if test $argument_only = no; and string match -q -- '-*' $current
        __feedctl_options "$path"
    else
        test $position = 0; and __feedctl_commands "$path"
        __feedctl_argument_values "$path" $position | __feedctl_expand "$current" "$feed" $config
    end
end

complete -c feedctl -e
complete -c feedctl -f -a '(__feedctl_complete)'
`;
