import type { PackageFile } from "../../formats/format.ts";
import type { FileMark } from "./file-mark.ts";

/** A local file to import, with the mark that shows whether it changed since. */
export interface FoundFile {
  /** The path that events and messages show. */
  path: string;
  file: PackageFile;
  mark: FileMark;
  /** As in `MarkedFile`. */
  root: string;
}
