import { removeSource } from "../local-files/file-mark.ts";
import type { FileOutcome } from "./outcome.ts";

/** Deletes the source of a package that the feed has, verified and recorded. A source that has changed since stays. */
export async function deleteSource(outcome: FileOutcome): Promise<FileOutcome> {
  const { found, result } = outcome;
  if (found === undefined) return outcome;
  try {
    const fate = await removeSource({ ...found, path: found.file.path });
    if (fate !== "changed") return outcome;
    const warning = "the source was not deleted: it was replaced meanwhile";
    return { found, result: { ...result, warnings: [...result.warnings, warning] } };
  } catch (error) {
    const reason = `the feed has it, but the file cannot be deleted: ${(error as Error).message}`;
    return { found, result: { ...result, status: "failed", reason } };
  }
}
