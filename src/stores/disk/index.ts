// What code outside the disk store may use: the translation of errors, the tag of a file, and which names a directory
// can hold.
export { diskError } from "./errors.ts";
export { diskNameProblem } from "./names.ts";
export { foldsCase } from "./case.ts";
export { tagOf } from "./info.ts";
