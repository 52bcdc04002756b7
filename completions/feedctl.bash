# bash completion for feedctl. Generated from its command tree: do not edit.

# What may follow the command in $1: sets commands and options.
_feedctl_command() {
  commands="" options=""
  case $1 in
    '') commands='feed import package store migrate worker mirror verify init db settings completion help' options='-V --version --json -q --quiet -v --verbose --no-color --config -h --help' ;;
    'feed') commands='create list show set rename enable disable clear-cached delete help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed create') commands='' options='--type --description -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed list') commands='' options='--all -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed show') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed set') commands='' options='--description --drop-path --active --no-active -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed rename') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed enable') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed disable') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed clear-cached') commands='' options='--yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed delete') commands='' options='--purge-files --yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed help') commands='' options='' ;;
    'import') commands='' options='-r --recursive --overwrite --move --include --exclude --published-from --on-conflict --detect --map --distribution --component --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package') commands='list show download delete help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package list') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package show') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package download') commands='' options='-o --output --file --overwrite -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package delete') commands='' options='--all-versions --yes --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package help') commands='' options='' ;;
    'store') commands='types set show test usage help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store types') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store set') commands='' options='--path --bucket --region --target-path --endpoint --path-style --access-key --secret-key --profile --role-arn --reduced-redundancy --make-public --encrypted --storage-class --kms-key --container --connection-string --account-url -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store show') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store test') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store usage') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store help') commands='' options='' ;;
    'migrate') commands='run start resume cutover rollback status history pause retire cancel help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate run') commands='' options='--to --feeds --all --from-file --cutover --cached --dry-run --follow --alone --path --bucket --region --target-path --endpoint --path-style --access-key --secret-key --profile --role-arn --reduced-redundancy --make-public --encrypted --storage-class --kms-key --container --connection-string --account-url -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate start') commands='' options='--to --feeds --all --from-file --cutover --cached --dry-run --follow --alone --path --bucket --region --target-path --endpoint --path-style --access-key --secret-key --profile --role-arn --reduced-redundancy --make-public --encrypted --storage-class --kms-key --container --connection-string --account-url -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate resume') commands='' options='--cutover --follow --alone -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate cutover') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate rollback') commands='' options='--dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate status') commands='' options='--watch -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate history') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate pause') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate retire') commands='' options='--yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate cancel') commands='' options='--keep-copies -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate help') commands='' options='' ;;
    'worker') commands='list' options='--concurrency --once -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'worker list') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'mirror') commands='' options='--dry-run -L --list-only --yes --max-delete --no-delete --checksum --size-only --time-window --include --exclude --min-size --max-size --min-age --max-age --exclude-older --exclude-newer --exclude-changed --exclude-extra --exclude-lonely --retries --wait --threads --bandwidth --watch --trash --log --exit-code --source-region --source-endpoint --source-path-style --source-access-key --source-secret-key --source-profile --source-role-arn --source-reduced-redundancy --source-make-public --source-encrypted --source-storage-class --source-kms-key --source-connection-string --source-account-url --target-region --target-endpoint --target-path-style --target-access-key --target-secret-key --target-profile --target-role-arn --target-reduced-redundancy --target-make-public --target-encrypted --target-storage-class --target-kms-key --target-connection-string --target-account-url -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'verify') commands='' options='--read --repair -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'init') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'db') commands='status migrate help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'db status') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'db migrate') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'db help') commands='' options='' ;;
    'settings') commands='list get set reset help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings list') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings get') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings set') commands='' options='--migrate -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings reset') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings help') commands='' options='' ;;
    'completion') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'help') commands='' options='' ;;
  esac
}

# What completes the value of option $2 of the command in $1: sets values, empty for an option without a value.
_feedctl_option() {
  values=""
  case "$1 $2" in
    ' --config') values='file' ;;
    'feed --config') values='file' ;;
    'feed create --type') values='choice nuget chocolatey powershell npm universal maven debian rpm alpine pypi rubygems vsix helm cran conda pub cargo terraform composer conan docker bower asset' ;;
    'feed create --description') values='text' ;;
    'feed create --config') values='file' ;;
    'feed list --config') values='file' ;;
    'feed show --config') values='file' ;;
    'feed set --description') values='text' ;;
    'feed set --drop-path') values='directory' ;;
    'feed set --config') values='file' ;;
    'feed rename --config') values='file' ;;
    'feed enable --config') values='file' ;;
    'feed disable --config') values='file' ;;
    'feed clear-cached --config') values='file' ;;
    'feed delete --config') values='file' ;;
    'import --include') values='text' ;;
    'import --exclude') values='text' ;;
    'import --published-from') values='choice file now' ;;
    'import --on-conflict') values='choice fail skip' ;;
    'import --map') values='text' ;;
    'import --distribution') values='text' ;;
    'import --component') values='text' ;;
    'import --config') values='file' ;;
    'package --config') values='file' ;;
    'package list --config') values='file' ;;
    'package show --config') values='file' ;;
    'package download -o'|'package download --output') values='file' ;;
    'package download --file') values='text' ;;
    'package download --config') values='file' ;;
    'package delete --config') values='file' ;;
    'store --config') values='file' ;;
    'store types --config') values='file' ;;
    'store set --path') values='directory' ;;
    'store set --bucket') values='text' ;;
    'store set --region') values='text' ;;
    'store set --target-path') values='text' ;;
    'store set --endpoint') values='text' ;;
    'store set --access-key') values='text' ;;
    'store set --secret-key') values='text' ;;
    'store set --profile') values='text' ;;
    'store set --role-arn') values='text' ;;
    'store set --storage-class') values='text' ;;
    'store set --kms-key') values='text' ;;
    'store set --container') values='text' ;;
    'store set --connection-string') values='text' ;;
    'store set --account-url') values='text' ;;
    'store set --config') values='file' ;;
    'store show --config') values='file' ;;
    'store test --config') values='file' ;;
    'store usage --config') values='file' ;;
    'migrate --config') values='file' ;;
    'migrate run --to') values='choice disk s3 azure' ;;
    'migrate run --feeds') values='text' ;;
    'migrate run --from-file') values='file' ;;
    'migrate run --cutover') values='choice auto manual' ;;
    'migrate run --cached') values='choice copy skip clear' ;;
    'migrate run --follow') values='text' ;;
    'migrate run --path') values='directory' ;;
    'migrate run --bucket') values='text' ;;
    'migrate run --region') values='text' ;;
    'migrate run --target-path') values='text' ;;
    'migrate run --endpoint') values='text' ;;
    'migrate run --access-key') values='text' ;;
    'migrate run --secret-key') values='text' ;;
    'migrate run --profile') values='text' ;;
    'migrate run --role-arn') values='text' ;;
    'migrate run --storage-class') values='text' ;;
    'migrate run --kms-key') values='text' ;;
    'migrate run --container') values='text' ;;
    'migrate run --connection-string') values='text' ;;
    'migrate run --account-url') values='text' ;;
    'migrate run --config') values='file' ;;
    'migrate start --to') values='choice disk s3 azure' ;;
    'migrate start --feeds') values='text' ;;
    'migrate start --from-file') values='file' ;;
    'migrate start --cutover') values='choice auto manual' ;;
    'migrate start --cached') values='choice copy skip clear' ;;
    'migrate start --follow') values='text' ;;
    'migrate start --path') values='directory' ;;
    'migrate start --bucket') values='text' ;;
    'migrate start --region') values='text' ;;
    'migrate start --target-path') values='text' ;;
    'migrate start --endpoint') values='text' ;;
    'migrate start --access-key') values='text' ;;
    'migrate start --secret-key') values='text' ;;
    'migrate start --profile') values='text' ;;
    'migrate start --role-arn') values='text' ;;
    'migrate start --storage-class') values='text' ;;
    'migrate start --kms-key') values='text' ;;
    'migrate start --container') values='text' ;;
    'migrate start --connection-string') values='text' ;;
    'migrate start --account-url') values='text' ;;
    'migrate start --config') values='file' ;;
    'migrate resume --cutover') values='choice auto manual' ;;
    'migrate resume --follow') values='text' ;;
    'migrate resume --config') values='file' ;;
    'migrate cutover --config') values='file' ;;
    'migrate rollback --config') values='file' ;;
    'migrate status --watch') values='text' ;;
    'migrate status --config') values='file' ;;
    'migrate history --config') values='file' ;;
    'migrate pause --config') values='file' ;;
    'migrate retire --config') values='file' ;;
    'migrate cancel --config') values='file' ;;
    'worker --concurrency') values='text' ;;
    'worker --config') values='file' ;;
    'worker list --config') values='file' ;;
    'mirror --max-delete') values='text' ;;
    'mirror --time-window') values='text' ;;
    'mirror --include') values='text' ;;
    'mirror --exclude') values='text' ;;
    'mirror --min-size') values='text' ;;
    'mirror --max-size') values='text' ;;
    'mirror --min-age') values='text' ;;
    'mirror --max-age') values='text' ;;
    'mirror --retries') values='text' ;;
    'mirror --wait') values='text' ;;
    'mirror --threads') values='text' ;;
    'mirror --bandwidth') values='text' ;;
    'mirror --watch') values='text' ;;
    'mirror --trash') values='text' ;;
    'mirror --log') values='file' ;;
    'mirror --exit-code') values='choice robocopy' ;;
    'mirror --source-region') values='text' ;;
    'mirror --source-endpoint') values='text' ;;
    'mirror --source-access-key') values='text' ;;
    'mirror --source-secret-key') values='text' ;;
    'mirror --source-profile') values='text' ;;
    'mirror --source-role-arn') values='text' ;;
    'mirror --source-storage-class') values='text' ;;
    'mirror --source-kms-key') values='text' ;;
    'mirror --source-connection-string') values='text' ;;
    'mirror --source-account-url') values='text' ;;
    'mirror --target-region') values='text' ;;
    'mirror --target-endpoint') values='text' ;;
    'mirror --target-access-key') values='text' ;;
    'mirror --target-secret-key') values='text' ;;
    'mirror --target-profile') values='text' ;;
    'mirror --target-role-arn') values='text' ;;
    'mirror --target-storage-class') values='text' ;;
    'mirror --target-kms-key') values='text' ;;
    'mirror --target-connection-string') values='text' ;;
    'mirror --target-account-url') values='text' ;;
    'mirror --config') values='file' ;;
    'verify --config') values='file' ;;
    'init --config') values='file' ;;
    'db --config') values='file' ;;
    'db status --config') values='file' ;;
    'db migrate --config') values='file' ;;
    'settings --config') values='file' ;;
    'settings list --config') values='file' ;;
    'settings get --config') values='file' ;;
    'settings set --config') values='file' ;;
    'settings reset --config') values='file' ;;
    'completion --config') values='file' ;;
  esac
}

# What completes argument number $2 of the command in $1: sets values.
_feedctl_argument() {
  values=""
  case "$1:$2" in
    'feed create:0') values='text' ;;
    'feed show:0') values='feed' ;;
    'feed set:0') values='feed' ;;
    'feed rename:0') values='feed' ;;
    'feed rename:1') values='text' ;;
    'feed enable:0') values='feed' ;;
    'feed disable:0') values='feed' ;;
    'feed clear-cached:0') values='feed' ;;
    'feed delete:0') values='feed' ;;
    'feed help:0') values='choice create list show set rename enable disable clear-cached delete' ;;
    'import:0') values='feed' ;;
    'import:'*) values='file' ;;
    'package list:0') values='feed' ;;
    'package show:0') values='feed' ;;
    'package show:1') values='package' ;;
    'package download:0') values='feed' ;;
    'package download:1') values='package' ;;
    'package delete:0') values='feed' ;;
    'package delete:1') values='package' ;;
    'package help:0') values='choice list show download delete' ;;
    'store set:0') values='feed' ;;
    'store set:1') values='choice disk s3 azure' ;;
    'store show:0') values='feed' ;;
    'store test:0') values='feed' ;;
    'store usage:0') values='feed' ;;
    'store help:0') values='choice types set show test usage' ;;
    'migrate run:0') values='feed' ;;
    'migrate start:0') values='feed' ;;
    'migrate resume:0') values='feed' ;;
    'migrate cutover:0') values='feed' ;;
    'migrate rollback:0') values='feed' ;;
    'migrate status:0') values='feed' ;;
    'migrate history:0') values='feed' ;;
    'migrate pause:0') values='feed' ;;
    'migrate retire:0') values='feed' ;;
    'migrate cancel:0') values='feed' ;;
    'migrate help:0') values='choice run start resume cutover rollback status history pause retire cancel' ;;
    'mirror:0') values='text' ;;
    'mirror:1') values='text' ;;
    'verify:0') values='feed' ;;
    'db help:0') values='choice status migrate' ;;
    'settings get:0') values='choice Storage.PackagesRootPath Storage.NuGetPackagesLibrary Storage.NpmPackagesLibrary Storage.ProGetPackagesLibrary Storage.MavenArtifactLibrary Storage.DebianPackagesLibrary Storage.RpmPackagesLibrary Storage.ApkPackagesLibrary Storage.PypiPackagesLibrary Storage.RubyGemsLibrary Storage.VsixLibrary Storage.HelmPackagesLibrary Storage.CranPackagesLibrary Storage.CondaPackagesLibrary Storage.PubPackagesLibrary Storage.CargoPackagesLibrary Storage.TerraformPackagesLibrary Storage.ComposerPackagesLibrary Storage.ConanPackagesLibrary Storage.DockerRepositoryLibrary Storage.BowerPackagesLibrary Storage.AssetLibrary Feeds.AllowDropPathImportOverwrite FeedRetentionDryRun' ;;
    'settings set:0') values='choice Storage.PackagesRootPath Storage.NuGetPackagesLibrary Storage.NpmPackagesLibrary Storage.ProGetPackagesLibrary Storage.MavenArtifactLibrary Storage.DebianPackagesLibrary Storage.RpmPackagesLibrary Storage.ApkPackagesLibrary Storage.PypiPackagesLibrary Storage.RubyGemsLibrary Storage.VsixLibrary Storage.HelmPackagesLibrary Storage.CranPackagesLibrary Storage.CondaPackagesLibrary Storage.PubPackagesLibrary Storage.CargoPackagesLibrary Storage.TerraformPackagesLibrary Storage.ComposerPackagesLibrary Storage.ConanPackagesLibrary Storage.DockerRepositoryLibrary Storage.BowerPackagesLibrary Storage.AssetLibrary Feeds.AllowDropPathImportOverwrite FeedRetentionDryRun' ;;
    'settings set:1') values='text' ;;
    'settings reset:0') values='choice Storage.PackagesRootPath Storage.NuGetPackagesLibrary Storage.NpmPackagesLibrary Storage.ProGetPackagesLibrary Storage.MavenArtifactLibrary Storage.DebianPackagesLibrary Storage.RpmPackagesLibrary Storage.ApkPackagesLibrary Storage.PypiPackagesLibrary Storage.RubyGemsLibrary Storage.VsixLibrary Storage.HelmPackagesLibrary Storage.CranPackagesLibrary Storage.CondaPackagesLibrary Storage.PubPackagesLibrary Storage.CargoPackagesLibrary Storage.TerraformPackagesLibrary Storage.ComposerPackagesLibrary Storage.ConanPackagesLibrary Storage.DockerRepositoryLibrary Storage.BowerPackagesLibrary Storage.AssetLibrary Feeds.AllowDropPathImportOverwrite FeedRetentionDryRun' ;;
    'settings help:0') values='choice list get set reset' ;;
    'completion:0') values='choice bash zsh fish powershell' ;;
    'help:0') values='choice feed import package store migrate worker mirror verify init db settings completion' ;;
  esac
}

# Sets words to what was typed up to the cursor. Bash cuts words at = and : and @; what no space separates is one word.
_feedctl_words() {
  local line=${COMP_LINE:0:${COMP_POINT:-0}} index=0 piece rest
  words=()
  for (( index = 0; index <= COMP_CWORD; index++ )); do
    piece=${COMP_WORDS[index]}
    rest=${line#"${line%%[![:space:]]*}"}
    [[ -n $line && $index == "$COMP_CWORD" ]] && piece=$rest # the cursor may stand inside a word
    if [[ $index -gt 0 && -n $line && $rest == "$line" ]]; then
      words[${#words[@]}-1]+=$piece
    else
      words+=("$piece")
    fi
    line=${rest#"$piece"}
  done
}

_feedctl_reply() {
  local word=$1
  [[ $word == "$current"* ]] || return 0
  word=$lead$word
  COMPREPLY+=("${word#"$kept"}")
}

# Names from the catalog, one a line, a tab before the description. Never evaluated: names are data.
_feedctl_names() {
  local binary=${words[0]/#\~/$HOME} name rest
  type -P "$binary" > /dev/null || binary=feedctl
  while IFS=$'\t' read -r name rest; do
    [[ -n $name ]] && _feedctl_reply "$name"
  done <<< "$("$binary" __complete "$@" ${config[@]+"${config[@]}"} 2> /dev/null < /dev/null)"
}

_feedctl_values() {
  local word
  case $1 in
    choice*) for word in ${1#choice}; do _feedctl_reply "$word"; done ;;
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
  for (( index = 1; index < ${#words[@]} - 1; index++ )); do
    word=${words[index]}
    if [[ -n $values ]]; then
      [[ $option == --config ]] && config=(--config "${word/#\~/$HOME}")
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
        path="${path:+$path }$word"
      else
        _feedctl_argument "$path" "$position"
        [[ $values == feed ]] && feed=$word
        values=""
        position=$((position + 1))
      fi
    fi
  done

  word=${words[index]}
  [[ -n ${2-} && $word == *"$2" ]] && kept=${word%"$2"} # readline replaces only what follows the last = : or @
  [[ -z ${2-x} ]] && kept=$word
  current=${word#[\"\']}
  if [[ -n $values ]]; then
    _feedctl_values "$values"
  elif [[ $current == --*=* && -z $argument_only ]]; then
    lead=${current%%=*}=
    _feedctl_option "$path" "${current%%=*}"
    current=${current#*=}
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
