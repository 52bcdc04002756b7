import { removeSource } from "../local-files/file-mark.ts";
import type { FileOutcome } from "./outcome.ts";

/** Only what is in the feed, verified and recorded, may go from its old place, and only if it is still that file. */
export async function moveAway(outcome: FileOutcome): Promise<FileOutcome> {
  const { found, result } = outcome;
  if (found === undefined) return outcome;
  try {
    const fate = await removeSource(found.file.path, found.mark);
    if (fate !== "changed") return outcome;
    const warning = "another file has taken its place meanwhile, and stays";
    return { found, result: { ...result, warnings: [...result.warnings, warning] } };
  } catch (error) {
    const reason = `the feed has it, but the file cannot be deleted: ${(error as Error).message}`;
    return { found, result: { ...result, status: "failed", reason } };
  }
}
