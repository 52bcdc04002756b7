# fish completion for feedctl. Generated from its command tree: do not edit.

# The commands that may follow the command in $argv[1].
function __feedctl_commands
    switch "$argv[1]"
        case ''
            printf '%s\t%s\n' 'feed' 'create, list and change feeds and asset directories' 'import' 'import package files; what is already there is left alone' 'package' 'list, show, download and delete packages' 'store' 'show, set and test where a feed keeps its files' 'migrate' 'move a feed to another store while its rows stay as they are' 'verify' 'prove that catalog and store agree: every row has its blob, every blob its row' 'init' 'set up the catalog; safe to run again' 'db' 'the catalog\'s database' 'settings' 'the installation\'s settings, under ProGet\'s names' 'completion' 'print the script that completes feedctl\'s commands in a shell' 'help' 'display help for command'
        case 'feed'
            printf '%s\t%s\n' 'create' 'create a feed; its files go to its default directory until another store is set' 'list' 'list all feeds and asset directories' 'show' 'show a feed, its store, and the directory it really uses and why' 'set' 'change a feed\'s description, drop path or state' 'rename' 'give a feed another name; its id, directory and packages stay' 'enable' 'let a feed accept packages again' 'disable' 'let a feed accept nothing any more; nothing is deleted' 'delete' 'delete a feed and its catalog rows; its files stay unless --purge-files' 'help' 'display help for command'
        case 'package'
            printf '%s\t%s\n' 'list' 'list all versions of a feed' 'show' 'show a package\'s versions, files, hashes and metadata' 'download' 'save a package file, verified by its hash; without a version the newest release' 'delete' 'delete a version, or a whole package, with its files' 'help' 'display help for command'
        case 'store'
            printf '%s\t%s\n' 'types' 'list the store types and their options' 'set' 'make another store the feed\'s own; no file is moved (see: feedctl migrate run)' 'show' 'show a feed\'s store; secrets are never shown' 'test' 'write, read back, list, replace and delete a probe, and say exactly what is wrong' 'usage' 'count and size of a feed\'s files, by the catalog and by the store\'s own listing' 'help' 'display help for command'
        case 'migrate'
            printf '%s\t%s\n' 'run' 'copy every blob, prove each by its hash, switch the feed; the old files stay until: migrate retire' 'retire' 'delete the old files of a migrated feed, after reading and verifying every blob of the new store' 'cancel' 'give up an unfinished migration; the feed stays where it is' 'help' 'display help for command'
        case 'db'
            printf '%s\t%s\n' 'status' 'show where the catalog is and whether its schema is up to date' 'migrate' 'bring the catalog\'s schema up to date' 'help' 'display help for command'
        case 'settings'
            printf '%s\t%s\n' 'list' 'list every setting, its value and where that comes from' 'get' 'print one setting\'s effective value' 'set' 'save a value in the catalog; saved empty, the configuration file\'s value counts' 'reset' 'forget the value saved in the catalog' 'help' 'display help for command'
    end
end

# The options of the command in $argv[1].
function __feedctl_options
    switch "$argv[1]"
        case ''
            printf '%s\t%s\n' '-V' 'print the version' '--version' 'print the version' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found' '-h' 'show this help' '--help' 'show this help'
        case 'feed'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'feed create'
            printf '%s\t%s\n' '--type' 'package type of the feed' '--description' 'what the feed is for' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'feed list'
            printf '%s\t%s\n' '--all' 'with the disabled ones' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'feed show'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'feed set'
            printf '%s\t%s\n' '--description' 'what the feed is for; empty clears it' '--drop-path' 'directory that is scanned for packages; empty clears it' '--active' 'accept packages' '--no-active' 'accept nothing any more; nothing is deleted' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'feed rename'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'feed enable'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'feed disable'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'feed delete'
            printf '%s\t%s\n' '--purge-files' 'delete its package files too' '--yes' 'do not ask' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'import'
            printf '%s\t%s\n' '-r' 'search directories to any depth' '--recursive' 'search directories to any depth' '--dry-run' 'only tell what would be imported' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'package'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'package list'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'package show'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'package download'
            printf '%s\t%s\n' '-o' 'file or directory to save to; - for stdout (default: its own name, here)' '--output' 'file or directory to save to; - for stdout (default: its own name, here)' '--file' 'which file of the version, where it has several' '--overwrite' 'replace an existing file' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'package delete'
            printf '%s\t%s\n' '--all-versions' 'every version, when none is named' '--yes' 'do not ask' '--dry-run' 'only tell what would be deleted' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'store'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'store types'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'store set'
            printf '%s\t%s\n' '--path' 'directory of this feed (default: root path, type path, F<id>)' '--bucket' 'bucket name (must exist)' '--region' 'region endpoint, such as us-east-1' '--target-path' 'path inside the bucket or container (default: /, its root)' '--endpoint' 'service URL of an S3-compatible server' '--path-style' 'address the bucket in the path instead of the host name' '--access-key' 'access key: env:NAME, file:PATH, - (ask), or the value itself' '--secret-key' 'secret access key: env:NAME, file:PATH, - (ask), or the value itself' '--profile' 'profile of the shared AWS configuration files' '--role-arn' 'role to assume' '--reduced-redundancy' 'ask for storage class REDUCED_REDUNDANCY' '--make-public' 'store with the canned ACL public-read (without: no ACL is sent)' '--encrypted' 'ask for server-side encryption with S3\'s keys (AES256)' '--storage-class' 'storage class, such as STANDARD_IA' '--kms-key' 'ask for SSE-KMS with this key' '--container' 'container name (must exist)' '--connection-string' 'connection string: env:NAME, file:PATH, - (ask), or the value itself' '--account-url' 'https://ACCOUNT.blob.core.windows.net; uses the default Azure credential chain' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'store show'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'store test'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'store usage'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'migrate'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'migrate run'
            printf '%s\t%s\n' '--to' 'store type to move to' '--dry-run' 'only tell what would be copied' '--path' 'directory of this feed (default: root path, type path, F<id>)' '--bucket' 'bucket name (must exist)' '--region' 'region endpoint, such as us-east-1' '--target-path' 'path inside the bucket or container (default: /, its root)' '--endpoint' 'service URL of an S3-compatible server' '--path-style' 'address the bucket in the path instead of the host name' '--access-key' 'access key: env:NAME, file:PATH, - (ask), or the value itself' '--secret-key' 'secret access key: env:NAME, file:PATH, - (ask), or the value itself' '--profile' 'profile of the shared AWS configuration files' '--role-arn' 'role to assume' '--reduced-redundancy' 'ask for storage class REDUCED_REDUNDANCY' '--make-public' 'store with the canned ACL public-read (without: no ACL is sent)' '--encrypted' 'ask for server-side encryption with S3\'s keys (AES256)' '--storage-class' 'storage class, such as STANDARD_IA' '--kms-key' 'ask for SSE-KMS with this key' '--container' 'container name (must exist)' '--connection-string' 'connection string: env:NAME, file:PATH, - (ask), or the value itself' '--account-url' 'https://ACCOUNT.blob.core.windows.net; uses the default Azure credential chain' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'migrate retire'
            printf '%s\t%s\n' '--yes' 'do not ask' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'migrate cancel'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'verify'
            printf '%s\t%s\n' '--read' 'read every blob and compare its SHA-256' '--repair' 'first remove what interrupted runs left behind' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'init'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'db'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'db status'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'db migrate'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'settings'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'settings list'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'settings get'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'settings set'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'settings reset'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
        case 'completion'
            printf '%s\t%s\n' '-h' 'show this help' '--help' 'show this help' '--json' 'machine-readable output' '-q' 'only results, warnings and errors' '--quiet' 'only results, warnings and errors' '-v' 'every item of long work' '--verbose' 'every item of long work' '--no-color' 'plain text (also: NO_COLOR)' '--config' 'configuration file instead of the one that is found'
    end
end

# The values of option $argv[2] of the command in $argv[1]; fails for an option without a value.
function __feedctl_option_values
    switch "$argv[1] $argv[2]"
        case ' --config'
            echo '<file>'
        case 'feed --config'
            echo '<file>'
        case 'feed create --type'
            printf '%s\t%s\n' 'nuget' 'NuGet packages' 'chocolatey' 'Chocolatey packages' 'powershell' 'PowerShell modules and scripts' 'npm' 'npm packages' 'universal' 'universal packages' 'maven' 'Maven artifacts' 'debian' 'Debian packages' 'rpm' 'RPM packages' 'alpine' 'Alpine packages' 'pypi' 'Python packages' 'rubygems' 'Ruby gems' 'vsix' 'Visual Studio extensions' 'helm' 'Helm charts' 'cran' 'R packages' 'conda' 'Conda packages' 'pub' 'Dart packages' 'cargo' 'Rust crates' 'terraform' 'Terraform modules' 'composer' 'Composer packages' 'conan' 'Conan packages' 'docker' 'container images' 'bower' 'Bower packages' 'asset' 'asset directory'
        case 'feed create --description'
            echo '<text>'
        case 'feed create --config'
            echo '<file>'
        case 'feed list --config'
            echo '<file>'
        case 'feed show --config'
            echo '<file>'
        case 'feed set --description'
            echo '<text>'
        case 'feed set --drop-path'
            echo '<directory>'
        case 'feed set --config'
            echo '<file>'
        case 'feed rename --config'
            echo '<file>'
        case 'feed enable --config'
            echo '<file>'
        case 'feed disable --config'
            echo '<file>'
        case 'feed delete --config'
            echo '<file>'
        case 'import --config'
            echo '<file>'
        case 'package --config'
            echo '<file>'
        case 'package list --config'
            echo '<file>'
        case 'package show --config'
            echo '<file>'
        case 'package download -o' 'package download --output'
            echo '<file>'
        case 'package download --file'
            echo '<text>'
        case 'package download --config'
            echo '<file>'
        case 'package delete --config'
            echo '<file>'
        case 'store --config'
            echo '<file>'
        case 'store types --config'
            echo '<file>'
        case 'store set --path'
            echo '<directory>'
        case 'store set --bucket'
            echo '<text>'
        case 'store set --region'
            echo '<text>'
        case 'store set --target-path'
            echo '<text>'
        case 'store set --endpoint'
            echo '<text>'
        case 'store set --access-key'
            echo '<text>'
        case 'store set --secret-key'
            echo '<text>'
        case 'store set --profile'
            echo '<text>'
        case 'store set --role-arn'
            echo '<text>'
        case 'store set --storage-class'
            echo '<text>'
        case 'store set --kms-key'
            echo '<text>'
        case 'store set --container'
            echo '<text>'
        case 'store set --connection-string'
            echo '<text>'
        case 'store set --account-url'
            echo '<text>'
        case 'store set --config'
            echo '<file>'
        case 'store show --config'
            echo '<file>'
        case 'store test --config'
            echo '<file>'
        case 'store usage --config'
            echo '<file>'
        case 'migrate --config'
            echo '<file>'
        case 'migrate run --to'
            printf '%s\t%s\n' 'disk' 'a directory on a local or network disk' 's3' 'Amazon S3 or an S3-compatible service' 'azure' 'Azure Blob Storage'
        case 'migrate run --path'
            echo '<directory>'
        case 'migrate run --bucket'
            echo '<text>'
        case 'migrate run --region'
            echo '<text>'
        case 'migrate run --target-path'
            echo '<text>'
        case 'migrate run --endpoint'
            echo '<text>'
        case 'migrate run --access-key'
            echo '<text>'
        case 'migrate run --secret-key'
            echo '<text>'
        case 'migrate run --profile'
            echo '<text>'
        case 'migrate run --role-arn'
            echo '<text>'
        case 'migrate run --storage-class'
            echo '<text>'
        case 'migrate run --kms-key'
            echo '<text>'
        case 'migrate run --container'
            echo '<text>'
        case 'migrate run --connection-string'
            echo '<text>'
        case 'migrate run --account-url'
            echo '<text>'
        case 'migrate run --config'
            echo '<file>'
        case 'migrate retire --config'
            echo '<file>'
        case 'migrate cancel --config'
            echo '<file>'
        case 'verify --config'
            echo '<file>'
        case 'init --config'
            echo '<file>'
        case 'db --config'
            echo '<file>'
        case 'db status --config'
            echo '<file>'
        case 'db migrate --config'
            echo '<file>'
        case 'settings --config'
            echo '<file>'
        case 'settings list --config'
            echo '<file>'
        case 'settings get --config'
            echo '<file>'
        case 'settings set --config'
            echo '<file>'
        case 'settings reset --config'
            echo '<file>'
        case 'completion --config'
            echo '<file>'
        case '*'
            return 1
    end
    return 0
end

# What kind of value argument number $argv[2] of the command in $argv[1] is.
function __feedctl_argument_values
    switch "$argv[1]:$argv[2]"
        case 'feed create:0'
            echo '<text>'
        case 'feed show:0'
            echo '<feed>'
        case 'feed set:0'
            echo '<feed>'
        case 'feed rename:0'
            echo '<feed>'
        case 'feed rename:1'
            echo '<text>'
        case 'feed enable:0'
            echo '<feed>'
        case 'feed disable:0'
            echo '<feed>'
        case 'feed delete:0'
            echo '<feed>'
        case 'feed help:0'
            printf '%s\t%s\n' 'create' 'create a feed; its files go to its default directory until another store is set' 'list' 'list all feeds and asset directories' 'show' 'show a feed, its store, and the directory it really uses and why' 'set' 'change a feed\'s description, drop path or state' 'rename' 'give a feed another name; its id, directory and packages stay' 'enable' 'let a feed accept packages again' 'disable' 'let a feed accept nothing any more; nothing is deleted' 'delete' 'delete a feed and its catalog rows; its files stay unless --purge-files'
        case 'import:0'
            echo '<feed>'
        case 'import:*'
            echo '<file>'
        case 'package list:0'
            echo '<feed>'
        case 'package show:0'
            echo '<feed>'
        case 'package show:1'
            echo '<package>'
        case 'package download:0'
            echo '<feed>'
        case 'package download:1'
            echo '<package>'
        case 'package delete:0'
            echo '<feed>'
        case 'package delete:1'
            echo '<package>'
        case 'package help:0'
            printf '%s\t%s\n' 'list' 'list all versions of a feed' 'show' 'show a package\'s versions, files, hashes and metadata' 'download' 'save a package file, verified by its hash; without a version the newest release' 'delete' 'delete a version, or a whole package, with its files'
        case 'store set:0'
            echo '<feed>'
        case 'store set:1'
            printf '%s\t%s\n' 'disk' 'a directory on a local or network disk' 's3' 'Amazon S3 or an S3-compatible service' 'azure' 'Azure Blob Storage'
        case 'store show:0'
            echo '<feed>'
        case 'store test:0'
            echo '<feed>'
        case 'store usage:0'
            echo '<feed>'
        case 'store help:0'
            printf '%s\t%s\n' 'types' 'list the store types and their options' 'set' 'make another store the feed\'s own; no file is moved (see: feedctl migrate run)' 'show' 'show a feed\'s store; secrets are never shown' 'test' 'write, read back, list, replace and delete a probe, and say exactly what is wrong' 'usage' 'count and size of a feed\'s files, by the catalog and by the store\'s own listing'
        case 'migrate run:0'
            echo '<feed>'
        case 'migrate retire:0'
            echo '<feed>'
        case 'migrate cancel:0'
            echo '<feed>'
        case 'migrate help:0'
            printf '%s\t%s\n' 'run' 'copy every blob, prove each by its hash, switch the feed; the old files stay until: migrate retire' 'retire' 'delete the old files of a migrated feed, after reading and verifying every blob of the new store' 'cancel' 'give up an unfinished migration; the feed stays where it is'
        case 'verify:0'
            echo '<feed>'
        case 'db help:0'
            printf '%s\t%s\n' 'status' 'show where the catalog is and whether its schema is up to date' 'migrate' 'bring the catalog\'s schema up to date'
        case 'settings get:0'
            printf '%s\t%s\n' 'Storage.PackagesRootPath' 'root of all feeds\' default directories' 'Storage.NuGetPackagesLibrary' 'type path of nuget, chocolatey, powershell feeds; an absolute path drops the root' 'Storage.NpmPackagesLibrary' 'type path of npm feeds; an absolute path drops the root' 'Storage.ProGetPackagesLibrary' 'type path of universal feeds; an absolute path drops the root' 'Storage.MavenArtifactLibrary' 'type path of maven feeds; an absolute path drops the root' 'Storage.DebianPackagesLibrary' 'type path of debian feeds; an absolute path drops the root' 'Storage.RpmPackagesLibrary' 'type path of rpm feeds; an absolute path drops the root' 'Storage.ApkPackagesLibrary' 'type path of alpine feeds; an absolute path drops the root' 'Storage.PypiPackagesLibrary' 'type path of pypi feeds; an absolute path drops the root' 'Storage.RubyGemsLibrary' 'type path of rubygems feeds; an absolute path drops the root' 'Storage.VsixLibrary' 'type path of vsix feeds; an absolute path drops the root' 'Storage.HelmPackagesLibrary' 'type path of helm feeds; an absolute path drops the root' 'Storage.CranPackagesLibrary' 'type path of cran feeds; an absolute path drops the root' 'Storage.CondaPackagesLibrary' 'type path of conda feeds; an absolute path drops the root' 'Storage.PubPackagesLibrary' 'type path of pub feeds; an absolute path drops the root' 'Storage.CargoPackagesLibrary' 'type path of cargo feeds; an absolute path drops the root' 'Storage.TerraformPackagesLibrary' 'type path of terraform feeds; an absolute path drops the root' 'Storage.ComposerPackagesLibrary' 'type path of composer feeds; an absolute path drops the root' 'Storage.ConanPackagesLibrary' 'type path of conan feeds; an absolute path drops the root' 'Storage.DockerRepositoryLibrary' 'type path of docker feeds; an absolute path drops the root' 'Storage.BowerPackagesLibrary' 'type path of bower feeds; an absolute path drops the root' 'Storage.AssetLibrary' 'type path of asset feeds; an absolute path drops the root' 'Feeds.AllowDropPathImportOverwrite' 'let drop paths replace existing packages' 'FeedRetentionDryRun' 'retention only tells what it would delete'
        case 'settings set:0'
            printf '%s\t%s\n' 'Storage.PackagesRootPath' 'root of all feeds\' default directories' 'Storage.NuGetPackagesLibrary' 'type path of nuget, chocolatey, powershell feeds; an absolute path drops the root' 'Storage.NpmPackagesLibrary' 'type path of npm feeds; an absolute path drops the root' 'Storage.ProGetPackagesLibrary' 'type path of universal feeds; an absolute path drops the root' 'Storage.MavenArtifactLibrary' 'type path of maven feeds; an absolute path drops the root' 'Storage.DebianPackagesLibrary' 'type path of debian feeds; an absolute path drops the root' 'Storage.RpmPackagesLibrary' 'type path of rpm feeds; an absolute path drops the root' 'Storage.ApkPackagesLibrary' 'type path of alpine feeds; an absolute path drops the root' 'Storage.PypiPackagesLibrary' 'type path of pypi feeds; an absolute path drops the root' 'Storage.RubyGemsLibrary' 'type path of rubygems feeds; an absolute path drops the root' 'Storage.VsixLibrary' 'type path of vsix feeds; an absolute path drops the root' 'Storage.HelmPackagesLibrary' 'type path of helm feeds; an absolute path drops the root' 'Storage.CranPackagesLibrary' 'type path of cran feeds; an absolute path drops the root' 'Storage.CondaPackagesLibrary' 'type path of conda feeds; an absolute path drops the root' 'Storage.PubPackagesLibrary' 'type path of pub feeds; an absolute path drops the root' 'Storage.CargoPackagesLibrary' 'type path of cargo feeds; an absolute path drops the root' 'Storage.TerraformPackagesLibrary' 'type path of terraform feeds; an absolute path drops the root' 'Storage.ComposerPackagesLibrary' 'type path of composer feeds; an absolute path drops the root' 'Storage.ConanPackagesLibrary' 'type path of conan feeds; an absolute path drops the root' 'Storage.DockerRepositoryLibrary' 'type path of docker feeds; an absolute path drops the root' 'Storage.BowerPackagesLibrary' 'type path of bower feeds; an absolute path drops the root' 'Storage.AssetLibrary' 'type path of asset feeds; an absolute path drops the root' 'Feeds.AllowDropPathImportOverwrite' 'let drop paths replace existing packages' 'FeedRetentionDryRun' 'retention only tells what it would delete'
        case 'settings set:1'
            echo '<text>'
        case 'settings reset:0'
            printf '%s\t%s\n' 'Storage.PackagesRootPath' 'root of all feeds\' default directories' 'Storage.NuGetPackagesLibrary' 'type path of nuget, chocolatey, powershell feeds; an absolute path drops the root' 'Storage.NpmPackagesLibrary' 'type path of npm feeds; an absolute path drops the root' 'Storage.ProGetPackagesLibrary' 'type path of universal feeds; an absolute path drops the root' 'Storage.MavenArtifactLibrary' 'type path of maven feeds; an absolute path drops the root' 'Storage.DebianPackagesLibrary' 'type path of debian feeds; an absolute path drops the root' 'Storage.RpmPackagesLibrary' 'type path of rpm feeds; an absolute path drops the root' 'Storage.ApkPackagesLibrary' 'type path of alpine feeds; an absolute path drops the root' 'Storage.PypiPackagesLibrary' 'type path of pypi feeds; an absolute path drops the root' 'Storage.RubyGemsLibrary' 'type path of rubygems feeds; an absolute path drops the root' 'Storage.VsixLibrary' 'type path of vsix feeds; an absolute path drops the root' 'Storage.HelmPackagesLibrary' 'type path of helm feeds; an absolute path drops the root' 'Storage.CranPackagesLibrary' 'type path of cran feeds; an absolute path drops the root' 'Storage.CondaPackagesLibrary' 'type path of conda feeds; an absolute path drops the root' 'Storage.PubPackagesLibrary' 'type path of pub feeds; an absolute path drops the root' 'Storage.CargoPackagesLibrary' 'type path of cargo feeds; an absolute path drops the root' 'Storage.TerraformPackagesLibrary' 'type path of terraform feeds; an absolute path drops the root' 'Storage.ComposerPackagesLibrary' 'type path of composer feeds; an absolute path drops the root' 'Storage.ConanPackagesLibrary' 'type path of conan feeds; an absolute path drops the root' 'Storage.DockerRepositoryLibrary' 'type path of docker feeds; an absolute path drops the root' 'Storage.BowerPackagesLibrary' 'type path of bower feeds; an absolute path drops the root' 'Storage.AssetLibrary' 'type path of asset feeds; an absolute path drops the root' 'Feeds.AllowDropPathImportOverwrite' 'let drop paths replace existing packages' 'FeedRetentionDryRun' 'retention only tells what it would delete'
        case 'settings help:0'
            printf '%s\t%s\n' 'list' 'list every setting, its value and where that comes from' 'get' 'print one setting\'s effective value' 'set' 'save a value in the catalog; saved empty, the configuration file\'s value counts' 'reset' 'forget the value saved in the catalog'
        case 'completion:0'
            printf '%s\t%s\n' 'bash' '' 'zsh' '' 'fish' '' 'powershell' ''
        case 'help:0'
            printf '%s\t%s\n' 'feed' 'create, list and change feeds and asset directories' 'import' 'import package files; what is already there is left alone' 'package' 'list, show, download and delete packages' 'store' 'show, set and test where a feed keeps its files' 'migrate' 'move a feed to another store while its rows stay as they are' 'verify' 'prove that catalog and store agree: every row has its blob, every blob its row' 'init' 'set up the catalog; safe to run again' 'db' 'the catalog\'s database' 'settings' 'the installation\'s settings, under ProGet\'s names' 'completion' 'print the script that completes feedctl\'s commands in a shell'
    end
end

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
