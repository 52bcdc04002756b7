import type { PackageFile } from "../../formats/format.ts";
import type { FileMark } from "./file-mark.ts";

/** A file of this machine that was found for an import, and the mark by which it is known again. */
export interface FoundFile {
  /** As it is shown. */
  path: string;
  file: PackageFile;
  mark: FileMark;
}
