# bash completion for feedctl. Generated from its command tree: do not edit.

# What may follow the command in $1: sets commands and options.
_feedctl_command() {
  commands="" options=""
  case $1 in
    '') commands='feed import drop adopt package asset retention usage store migrate worker mirror verify init db settings secrets schema completion help' options='-V --version --json -q --quiet -v --verbose --no-color --config -h --help' ;;
    'feed') commands='create list show set rename enable disable clear-cached delete help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed create') commands='' options='--type --description -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed list') commands='' options='--all -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed show') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed set') commands='' options='--description --drop-path --active --no-active --retention --no-retention -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed rename') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed enable') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed disable') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed clear-cached') commands='' options='--yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed delete') commands='' options='--purge-files --yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'feed help') commands='' options='' ;;
    'import') commands='' options='-r --recursive --overwrite --move --settle --include --exclude --published-from --on-conflict --detect --map --distribution --component --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'drop') commands='set clear scan watch status help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'drop set') commands='' options='--distribution --component -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'drop clear') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'drop scan') commands='' options='--feed --settle --again --reject-to --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'drop watch') commands='' options='--feed --interval --settle --reject-to -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'drop status') commands='' options='--feed -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'drop help') commands='' options='' ;;
    'adopt') commands='' options='--published-from --distribution --component --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package') commands='list show download delete status tag protect unprotect protected help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package list') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package show') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package download') commands='' options='-o --output --file --overwrite --blocked -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package delete') commands='' options='--all-versions --yes --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package status') commands='' options='--all-versions --listed --no-listed --access --deprecated --no-deprecated --cached --no-cached --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package tag') commands='list set remove help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package tag list') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package tag set') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package tag remove') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package tag help') commands='' options='' ;;
    'package protect') commands='' options='--reason -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package unprotect') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package protected') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'package help') commands='' options='' ;;
    'asset') commands='upload sync list show download cat url delete mkdir move copy set-type set-cache set-metadata import-archive export history restore versioning help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset upload') commands='' options='--to --name -r --recursive --overwrite --skip-existing --if-changed --include --exclude --content-type --cache --metadata --header --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset sync') commands='' options='--to --dry-run --yes --max-delete --no-delete --checksum --size-only --time-window --include --exclude -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset list') commands='' options='-r --recursive -l --long --tree -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset show') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset download') commands='' options='-o --output --overwrite -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset cat') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset url') commands='' options='--expires -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset delete') commands='' options='-r --recursive --yes --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset mkdir') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset move') commands='' options='--to-dir --overwrite --skip-existing --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset copy') commands='' options='--to-dir --overwrite --skip-existing --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset set-type') commands='' options='-r --recursive -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset set-cache') commands='' options='-r --recursive -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset set-metadata') commands='' options='--header --remove --replace -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset import-archive') commands='' options='--to --overwrite --max-size --include --exclude --name-encoding --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset export') commands='' options='--format -o --output --overwrite -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset history') commands='' options='--prune --keep --older-than --yes --dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset restore') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset versioning') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'asset help') commands='' options='' ;;
    'retention') commands='rule plan run apply quarantine restore help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention rule') commands='add list show set move remove test help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention rule add') commands='' options='--name --at --disabled --protect-across-rules --delete-cached --delete-prerelease-versions --delete-unlisted --delete-deprecated --delete-superseded --delete-package-ids --keep-package-ids --delete-versions --keep-versions --versions-range --keep-versions-count --per --keep-versions-per --keep-last-stable --keep-stable-newer --older-than-days --keep-used-within-days --trigger-download-count --size-trigger --count-trigger --size-exclusive --delete-history --remove-empty-folders -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention rule list') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention rule show') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention rule set') commands='' options='--name --enabled --no-enabled --protect-across-rules --no-protect-across-rules --delete-cached --delete-prerelease-versions --delete-unlisted --delete-deprecated --delete-superseded --delete-package-ids --keep-package-ids --delete-versions --keep-versions --versions-range --keep-versions-count --per --keep-versions-per --keep-last-stable --keep-stable-newer --older-than-days --keep-used-within-days --trigger-download-count --size-trigger --count-trigger --size-exclusive --delete-history --remove-empty-folders -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention rule move') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention rule remove') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention rule test') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention rule help') commands='' options='' ;;
    'retention plan') commands='' options='--csv --explain -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention run') commands='' options='--feed --all --dry-run --yes --max-delete --quarantine --assume-unused --max-duration -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention apply') commands='' options='--dry-run --yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention quarantine') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention restore') commands='' options='--protect -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'retention help') commands='' options='' ;;
    'usage') commands='import forget show help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'usage import') commands='' options='--format --prefix --max-unreadable --again -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'usage forget') commands='' options='--all --yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'usage show') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'usage help') commands='' options='' ;;
    'store') commands='types set show refresh mark test usage clean help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store types') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store set') commands='' options='--no-check --path --bucket --region --target-path --endpoint --path-style --access-key --secret-key --profile --role-arn --reduced-redundancy --make-public --encrypted --storage-class --kms-key --request-payer --container --connection-string --account-url --key-file --anonymous --customer-key -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store show') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store refresh') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store mark') commands='' options='--earlier --yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store test') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store usage') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store clean') commands='' options='--older-than --others --dry-run --yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'store help') commands='' options='' ;;
    'migrate') commands='run start resume cutover rollback status history pause retire cancel help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate run') commands='' options='--to --feeds --all --from-file --cutover --cached --preserve-tags --preserve-storage-class --dry-run --follow --alone --path --bucket --region --target-path --endpoint --path-style --access-key --secret-key --profile --role-arn --reduced-redundancy --make-public --encrypted --storage-class --kms-key --request-payer --container --connection-string --account-url --key-file --anonymous --customer-key -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate start') commands='' options='--to --feeds --all --from-file --cutover --cached --preserve-tags --preserve-storage-class --dry-run --follow --alone --path --bucket --region --target-path --endpoint --path-style --access-key --secret-key --profile --role-arn --reduced-redundancy --make-public --encrypted --storage-class --kms-key --request-payer --container --connection-string --account-url --key-file --anonymous --customer-key -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate resume') commands='' options='--cutover --follow --alone -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate cutover') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate rollback') commands='' options='--dry-run -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate status') commands='' options='--watch -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate history') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate pause') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate retire') commands='' options='--store --yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate cancel') commands='' options='--keep-copies -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'migrate help') commands='' options='' ;;
    'worker') commands='list' options='--concurrency --once -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'worker list') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'mirror') commands='' options='--dry-run -L --list-only --yes --max-delete --no-delete --checksum --size-only --time-window --include --exclude --min-size --max-size --min-age --max-age --exclude-older --exclude-newer --exclude-changed --exclude-extra --exclude-lonely --retries --wait --threads --bandwidth --watch --preserve-tags --preserve-storage-class --copy-modes --empty-dirs --trash --log --exit-code --source-region --source-endpoint --source-path-style --source-access-key --source-secret-key --source-profile --source-role-arn --source-reduced-redundancy --source-make-public --source-encrypted --source-storage-class --source-kms-key --source-request-payer --source-connection-string --source-account-url --source-key-file --source-anonymous --source-customer-key --target-region --target-endpoint --target-path-style --target-access-key --target-secret-key --target-profile --target-role-arn --target-reduced-redundancy --target-make-public --target-encrypted --target-storage-class --target-kms-key --target-request-payer --target-connection-string --target-account-url --target-key-file --target-anonymous --target-customer-key -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'verify') commands='' options='--read --repair -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'init') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'db') commands='status migrate repair-sequences help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'db status') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'db migrate') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'db repair-sequences') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'db help') commands='' options='' ;;
    'settings') commands='list get set reset help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings list') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings get') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings set') commands='' options='--migrate --yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings reset') commands='' options='--migrate --yes -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'settings help') commands='' options='' ;;
    'secrets') commands='rotate help' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'secrets rotate') commands='' options='--from -h --help --json -q --quiet -v --verbose --no-color --config' ;;
    'secrets help') commands='' options='' ;;
    'schema') commands='' options='-h --help --json -q --quiet -v --verbose --no-color --config' ;;
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
    'import --settle') values='text' ;;
    'import --include') values='text' ;;
    'import --exclude') values='text' ;;
    'import --published-from') values='choice file now' ;;
    'import --on-conflict') values='choice fail skip' ;;
    'import --map') values='text' ;;
    'import --distribution') values='text' ;;
    'import --component') values='text' ;;
    'import --config') values='file' ;;
    'drop --config') values='file' ;;
    'drop set --distribution') values='text' ;;
    'drop set --component') values='text' ;;
    'drop set --config') values='file' ;;
    'drop clear --config') values='file' ;;
    'drop scan --feed') values='feed' ;;
    'drop scan --settle') values='text' ;;
    'drop scan --reject-to') values='directory' ;;
    'drop scan --config') values='file' ;;
    'drop watch --feed') values='feed' ;;
    'drop watch --interval') values='text' ;;
    'drop watch --settle') values='text' ;;
    'drop watch --reject-to') values='directory' ;;
    'drop watch --config') values='file' ;;
    'drop status --feed') values='feed' ;;
    'drop status --config') values='file' ;;
    'adopt --published-from') values='choice file now' ;;
    'adopt --distribution') values='text' ;;
    'adopt --component') values='text' ;;
    'adopt --config') values='file' ;;
    'package --config') values='file' ;;
    'package list --config') values='file' ;;
    'package show --config') values='file' ;;
    'package download -o'|'package download --output') values='file' ;;
    'package download --file') values='text' ;;
    'package download --config') values='file' ;;
    'package delete --config') values='file' ;;
    'package status --access') values='choice blocked allowed default' ;;
    'package status --deprecated') values='text' ;;
    'package status --config') values='file' ;;
    'package tag --config') values='file' ;;
    'package tag list --config') values='file' ;;
    'package tag set --config') values='file' ;;
    'package tag remove --config') values='file' ;;
    'package protect --reason') values='text' ;;
    'package protect --config') values='file' ;;
    'package unprotect --config') values='file' ;;
    'package protected --config') values='file' ;;
    'asset --config') values='file' ;;
    'asset upload --to') values='directory' ;;
    'asset upload --name') values='text' ;;
    'asset upload --include') values='text' ;;
    'asset upload --exclude') values='text' ;;
    'asset upload --content-type') values='text' ;;
    'asset upload --cache') values='text' ;;
    'asset upload --metadata') values='text' ;;
    'asset upload --header') values='text' ;;
    'asset upload --config') values='file' ;;
    'asset sync --to') values='directory' ;;
    'asset sync --max-delete') values='text' ;;
    'asset sync --time-window') values='text' ;;
    'asset sync --include') values='text' ;;
    'asset sync --exclude') values='text' ;;
    'asset sync --config') values='file' ;;
    'asset list --config') values='file' ;;
    'asset show --config') values='file' ;;
    'asset download -o'|'asset download --output') values='file' ;;
    'asset download --config') values='file' ;;
    'asset cat --config') values='file' ;;
    'asset url --expires') values='text' ;;
    'asset url --config') values='file' ;;
    'asset delete --config') values='file' ;;
    'asset mkdir --config') values='file' ;;
    'asset move --to-dir') values='directory' ;;
    'asset move --config') values='file' ;;
    'asset copy --to-dir') values='directory' ;;
    'asset copy --config') values='file' ;;
    'asset set-type --config') values='file' ;;
    'asset set-cache --config') values='file' ;;
    'asset set-metadata --header') values='text' ;;
    'asset set-metadata --remove') values='text' ;;
    'asset set-metadata --config') values='file' ;;
    'asset import-archive --to') values='directory' ;;
    'asset import-archive --max-size') values='text' ;;
    'asset import-archive --include') values='text' ;;
    'asset import-archive --exclude') values='text' ;;
    'asset import-archive --name-encoding') values='text' ;;
    'asset import-archive --config') values='file' ;;
    'asset export --format') values='choice zip tgz' ;;
    'asset export -o'|'asset export --output') values='file' ;;
    'asset export --config') values='file' ;;
    'asset history --keep') values='text' ;;
    'asset history --older-than') values='text' ;;
    'asset history --config') values='file' ;;
    'asset restore --config') values='file' ;;
    'asset versioning --config') values='file' ;;
    'retention --config') values='file' ;;
    'retention rule --config') values='file' ;;
    'retention rule add --name') values='text' ;;
    'retention rule add --at') values='text' ;;
    'retention rule add --delete-package-ids') values='text' ;;
    'retention rule add --keep-package-ids') values='text' ;;
    'retention rule add --delete-versions') values='text' ;;
    'retention rule add --keep-versions') values='text' ;;
    'retention rule add --versions-range') values='text' ;;
    'retention rule add --keep-versions-count') values='text' ;;
    'retention rule add --per'|'retention rule add --keep-versions-per') values='text' ;;
    'retention rule add --older-than-days') values='text' ;;
    'retention rule add --keep-used-within-days') values='text' ;;
    'retention rule add --trigger-download-count') values='text' ;;
    'retention rule add --size-trigger') values='text' ;;
    'retention rule add --count-trigger') values='text' ;;
    'retention rule add --config') values='file' ;;
    'retention rule list --config') values='file' ;;
    'retention rule show --config') values='file' ;;
    'retention rule set --name') values='text' ;;
    'retention rule set --delete-package-ids') values='text' ;;
    'retention rule set --keep-package-ids') values='text' ;;
    'retention rule set --delete-versions') values='text' ;;
    'retention rule set --keep-versions') values='text' ;;
    'retention rule set --versions-range') values='text' ;;
    'retention rule set --keep-versions-count') values='text' ;;
    'retention rule set --per'|'retention rule set --keep-versions-per') values='text' ;;
    'retention rule set --older-than-days') values='text' ;;
    'retention rule set --keep-used-within-days') values='text' ;;
    'retention rule set --trigger-download-count') values='text' ;;
    'retention rule set --size-trigger') values='text' ;;
    'retention rule set --count-trigger') values='text' ;;
    'retention rule set --config') values='file' ;;
    'retention rule move --config') values='file' ;;
    'retention rule remove --config') values='file' ;;
    'retention rule test --config') values='file' ;;
    'retention plan --explain') values='text' ;;
    'retention plan --config') values='file' ;;
    'retention run --feed') values='text' ;;
    'retention run --max-delete') values='text' ;;
    'retention run --quarantine') values='text' ;;
    'retention run --max-duration') values='text' ;;
    'retention run --config') values='file' ;;
    'retention apply --config') values='file' ;;
    'retention quarantine --config') values='file' ;;
    'retention restore --config') values='file' ;;
    'usage --config') values='file' ;;
    'usage import --format') values='choice s3 azure gcs combined w3c json auto' ;;
    'usage import --prefix') values='file' ;;
    'usage import --max-unreadable') values='text' ;;
    'usage import --config') values='file' ;;
    'usage forget --config') values='file' ;;
    'usage show --config') values='file' ;;
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
    'store set --key-file') values='file' ;;
    'store set --customer-key') values='text' ;;
    'store set --config') values='file' ;;
    'store show --config') values='file' ;;
    'store refresh --config') values='file' ;;
    'store mark --config') values='file' ;;
    'store test --config') values='file' ;;
    'store usage --config') values='file' ;;
    'store clean --older-than') values='text' ;;
    'store clean --config') values='file' ;;
    'migrate --config') values='file' ;;
    'migrate run --to') values='choice disk s3 azure gcs' ;;
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
    'migrate run --key-file') values='file' ;;
    'migrate run --customer-key') values='text' ;;
    'migrate run --config') values='file' ;;
    'migrate start --to') values='choice disk s3 azure gcs' ;;
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
    'migrate start --key-file') values='file' ;;
    'migrate start --customer-key') values='text' ;;
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
    'migrate retire --store') values='text' ;;
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
    'mirror --source-key-file') values='file' ;;
    'mirror --source-customer-key') values='text' ;;
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
    'mirror --target-key-file') values='file' ;;
    'mirror --target-customer-key') values='text' ;;
    'mirror --config') values='file' ;;
    'verify --config') values='file' ;;
    'init --config') values='file' ;;
    'db --config') values='file' ;;
    'db status --config') values='file' ;;
    'db migrate --config') values='file' ;;
    'db repair-sequences --config') values='file' ;;
    'settings --config') values='file' ;;
    'settings list --config') values='file' ;;
    'settings get --config') values='file' ;;
    'settings set --config') values='file' ;;
    'settings reset --config') values='file' ;;
    'secrets --config') values='file' ;;
    'secrets rotate --from') values='text' ;;
    'secrets rotate --config') values='file' ;;
    'schema --config') values='file' ;;
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
    'drop set:0') values='feed' ;;
    'drop set:1') values='directory' ;;
    'drop clear:0') values='feed' ;;
    'drop help:0') values='choice set clear scan watch status' ;;
    'adopt:0') values='feed' ;;
    'package list:0') values='feed' ;;
    'package show:0') values='feed' ;;
    'package show:1') values='package' ;;
    'package download:0') values='feed' ;;
    'package download:1') values='package' ;;
    'package delete:0') values='feed' ;;
    'package delete:1') values='package' ;;
    'package status:0') values='feed' ;;
    'package status:1') values='package' ;;
    'package tag list:0') values='feed' ;;
    'package tag list:1') values='package' ;;
    'package tag set:0') values='feed' ;;
    'package tag set:1') values='package' ;;
    'package tag set:2') values='text' ;;
    'package tag remove:0') values='feed' ;;
    'package tag remove:1') values='package' ;;
    'package tag remove:2') values='text' ;;
    'package tag help:0') values='choice list set remove' ;;
    'package protect:0') values='feed' ;;
    'package protect:1') values='text' ;;
    'package unprotect:0') values='feed' ;;
    'package unprotect:1') values='text' ;;
    'package protected:0') values='feed' ;;
    'package help:0') values='choice list show download delete status tag protect unprotect protected' ;;
    'asset upload:0') values='directory' ;;
    'asset upload:'*) values='file' ;;
    'asset sync:0') values='text' ;;
    'asset sync:1') values='directory' ;;
    'asset list:0') values='directory' ;;
    'asset list:1') values='directory' ;;
    'asset show:0') values='directory' ;;
    'asset show:1') values='file' ;;
    'asset download:0') values='directory' ;;
    'asset download:1') values='file' ;;
    'asset cat:0') values='directory' ;;
    'asset cat:1') values='file' ;;
    'asset url:0') values='directory' ;;
    'asset url:1') values='file' ;;
    'asset delete:0') values='directory' ;;
    'asset delete:'*) values='file' ;;
    'asset mkdir:0') values='directory' ;;
    'asset mkdir:1') values='file' ;;
    'asset move:0') values='directory' ;;
    'asset move:1') values='text' ;;
    'asset move:2') values='text' ;;
    'asset copy:0') values='directory' ;;
    'asset copy:1') values='text' ;;
    'asset copy:2') values='text' ;;
    'asset set-type:0') values='directory' ;;
    'asset set-type:1') values='file' ;;
    'asset set-type:2') values='text' ;;
    'asset set-cache:0') values='directory' ;;
    'asset set-cache:1') values='file' ;;
    'asset set-cache:2') values='text' ;;
    'asset set-metadata:0') values='directory' ;;
    'asset set-metadata:1') values='file' ;;
    'asset set-metadata:'*) values='text' ;;
    'asset import-archive:0') values='directory' ;;
    'asset import-archive:1') values='text' ;;
    'asset export:0') values='directory' ;;
    'asset export:1') values='directory' ;;
    'asset history:0') values='directory' ;;
    'asset history:1') values='file' ;;
    'asset restore:0') values='directory' ;;
    'asset restore:1') values='file' ;;
    'asset restore:2') values='text' ;;
    'asset versioning:0') values='directory' ;;
    'asset versioning:1') values='choice on off' ;;
    'asset help:0') values='choice upload sync list show download cat url delete mkdir move copy set-type set-cache set-metadata import-archive export history restore versioning' ;;
    'retention rule add:0') values='feed' ;;
    'retention rule list:0') values='feed' ;;
    'retention rule show:0') values='feed' ;;
    'retention rule show:1') values='text' ;;
    'retention rule set:0') values='feed' ;;
    'retention rule set:1') values='text' ;;
    'retention rule move:0') values='feed' ;;
    'retention rule move:1') values='text' ;;
    'retention rule move:2') values='text' ;;
    'retention rule remove:0') values='feed' ;;
    'retention rule remove:1') values='text' ;;
    'retention rule test:0') values='feed' ;;
    'retention rule test:1') values='text' ;;
    'retention rule help:0') values='choice add list show set move remove test' ;;
    'retention plan:0') values='feed' ;;
    'retention run:'*) values='feed' ;;
    'retention apply:0') values='file' ;;
    'retention quarantine:0') values='feed' ;;
    'retention restore:0') values='feed' ;;
    'retention restore:1') values='package' ;;
    'retention help:0') values='choice rule plan run apply quarantine restore' ;;
    'usage import:0') values='feed' ;;
    'usage import:'*) values='file' ;;
    'usage forget:0') values='feed' ;;
    'usage forget:'*) values='file' ;;
    'usage show:0') values='feed' ;;
    'usage help:0') values='choice import forget show' ;;
    'store set:0') values='feed' ;;
    'store set:1') values='choice disk s3 azure gcs' ;;
    'store show:0') values='feed' ;;
    'store refresh:0') values='feed' ;;
    'store mark:0') values='feed' ;;
    'store test:0') values='feed' ;;
    'store usage:'*) values='feed' ;;
    'store clean:'*) values='feed' ;;
    'store help:0') values='choice types set show refresh mark test usage clean' ;;
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
    'db help:0') values='choice status migrate repair-sequences' ;;
    'settings get:0') values='choice Storage.PackagesRootPath Storage.NuGetPackagesLibrary Storage.NpmPackagesLibrary Storage.ProGetPackagesLibrary Storage.MavenArtifactLibrary Storage.DebianPackagesLibrary Storage.RpmPackagesLibrary Storage.ApkPackagesLibrary Storage.PypiPackagesLibrary Storage.RubyGemsLibrary Storage.VsixLibrary Storage.HelmPackagesLibrary Storage.CranPackagesLibrary Storage.CondaPackagesLibrary Storage.PubPackagesLibrary Storage.CargoPackagesLibrary Storage.TerraformPackagesLibrary Storage.ComposerPackagesLibrary Storage.ConanPackagesLibrary Storage.DockerRepositoryLibrary Storage.BowerPackagesLibrary Storage.AssetLibrary Feeds.AllowDropPathImportOverwrite FeedRetentionDryRun' ;;
    'settings set:0') values='choice Storage.PackagesRootPath Storage.NuGetPackagesLibrary Storage.NpmPackagesLibrary Storage.ProGetPackagesLibrary Storage.MavenArtifactLibrary Storage.DebianPackagesLibrary Storage.RpmPackagesLibrary Storage.ApkPackagesLibrary Storage.PypiPackagesLibrary Storage.RubyGemsLibrary Storage.VsixLibrary Storage.HelmPackagesLibrary Storage.CranPackagesLibrary Storage.CondaPackagesLibrary Storage.PubPackagesLibrary Storage.CargoPackagesLibrary Storage.TerraformPackagesLibrary Storage.ComposerPackagesLibrary Storage.ConanPackagesLibrary Storage.DockerRepositoryLibrary Storage.BowerPackagesLibrary Storage.AssetLibrary Feeds.AllowDropPathImportOverwrite FeedRetentionDryRun' ;;
    'settings set:1') values='text' ;;
    'settings reset:0') values='choice Storage.PackagesRootPath Storage.NuGetPackagesLibrary Storage.NpmPackagesLibrary Storage.ProGetPackagesLibrary Storage.MavenArtifactLibrary Storage.DebianPackagesLibrary Storage.RpmPackagesLibrary Storage.ApkPackagesLibrary Storage.PypiPackagesLibrary Storage.RubyGemsLibrary Storage.VsixLibrary Storage.HelmPackagesLibrary Storage.CranPackagesLibrary Storage.CondaPackagesLibrary Storage.PubPackagesLibrary Storage.CargoPackagesLibrary Storage.TerraformPackagesLibrary Storage.ComposerPackagesLibrary Storage.ConanPackagesLibrary Storage.DockerRepositoryLibrary Storage.BowerPackagesLibrary Storage.AssetLibrary Feeds.AllowDropPathImportOverwrite FeedRetentionDryRun' ;;
    'settings help:0') values='choice list get set reset' ;;
    'secrets help:0') values='choice rotate' ;;
    'schema:'*) values='text' ;;
    'completion:0') values='choice bash zsh fish powershell' ;;
    'help:0') values='choice feed import drop adopt package asset retention usage store migrate worker mirror verify init db settings secrets schema completion' ;;
  esac
}

# Sets words to what was typed up to the cursor. Bash cuts words at = and : and @; what no space separates is one word.
_feedctl_words() {
  local line=${COMP_LINE:0:${COMP_POINT:-0}} index=0 piece rest
  words=()
  for (( index = 0; index <= COMP_CWORD; index++ )); do
    piece=${COMP_WORDS[index]}
    rest=${line#"${line%%[![:space:]]*}"}
    [[ -n $line && $index == "$COMP_CWORD" ]] && piece=$rest # the cursor may be inside a word
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
