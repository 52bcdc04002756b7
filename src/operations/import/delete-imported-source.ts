import type { FoundFile } from "./find-package-files.ts";
import type { ImportedFile } from "./outcome.ts";
import { removeSource } from "../local-files/file-mark.ts";

export interface Taken {
  result: ImportedFile;
  source: FoundFile;
}

/** Only what is in the feed, verified and recorded, may go from its old place, and only if it is still that file. */
export async function moveAway({ result, source }: Taken): Promise<ImportedFile> {
  try {
    const fate = await removeSource(source.file.path, source.mark);
    if (fate !== "changed") return result;
    const warning = "another file has taken its place meanwhile, and stays";
    return { ...result, warnings: [...result.warnings, warning] };
  } catch (error) {
    const reason = `the feed has it, but the file cannot be deleted: ${(error as Error).message}`;
    return { ...result, status: "failed", reason };
  }
}
