// What others than the store itself may know of files on a disk: the errors, and which names a directory can hold.
export { diskError } from "./errors.ts";
export { diskNameProblem } from "./names.ts";
export { foldsCase } from "./case.ts";
