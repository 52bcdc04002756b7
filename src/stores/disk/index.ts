// What code outside the disk store may use: the translation of errors, the tag of a file, which names a directory can
// hold, and what only disks have: permission bits and empty folders.
export { diskError } from "./errors.ts";
export { diskNameProblem } from "./names.ts";
export { foldsCase } from "./case.ts";
export { tagOf } from "./info.ts";
export { modeName, readMode, writeMode } from "./mode.ts";
export { listFolders, makeFolderBelow, removeFolderBelow } from "./empty-folders.ts";
