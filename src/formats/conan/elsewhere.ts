/**
 * Why a path outside a Conan server's directory cannot be imported, and what to do instead. Conan's clients keep
 * recipes and packages unpacked, in folders that do not name (Conan 2) or only partly name (Conan 1) what they belong
 * to.
 */
export function explainUnknownPath(path: string): string {
  const slashed = path.replaceAll("\\", "/");
  if (CONAN_2.test(slashed))
    return `it lies in the cache of a Conan 2 client, whose folders do not say what they belong to; ${UPLOAD}`;
  if (CONAN_1.test(slashed))
    return `it lies in the cache of a Conan 1 client, which has no revisions in its folders and no archives; ${UPLOAD}`;
  const saved = /\.t(?:gz|xz|zst)$/.test(path) ? `; an archive of "conan cache save" has to be restored first` : "";
  return `${NO_PLACE}${saved}`;
}

const UPLOAD = `upload its packages to a Conan server ("conan upload") and take that server's directory`;
const NO_PLACE =
  "it does not lie in the layout of a Conan server (NAME/VERSION/USER/CHANNEL/REVISION/export/FILE or " +
  ".../REVISION/package/ID/REVISION/FILE)";

/**
 * Folders named after up to five letters of the name and a hash, or a hash alone; below them a folder such as `p` or
 * `es`.
 */
const CONAN_2 =
  /\/\.conan2\/|\/(?:p|b)\/[a-z0-9_+.-]{1,5}[0-9a-f]{11,16}\/(?:b|d|e|es|p|s|metadata)\/|\/cache\.sqlite3(?:-wal|-shm)?$/;
const CONAN_1 =
  /\/\.conan\/data\/|\/[^/]{2,}\/(?!_\/)[^/]+(?:\/[^/]+){2}\/(?:(?:export|export_source|dl|locks|scm_source)\/|metadata\.json$|(?:build|package)\/[0-9a-f]{40}\/)/;
