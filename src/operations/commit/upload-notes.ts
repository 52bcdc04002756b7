import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { UploadNotes } from "../../stores/store.ts";
import type { Context } from "../context.ts";

/**
 * Remembers unfinished uploads to a store location, so that a later run resumes them: a file for each, in `dataDir`.
 */
export function uploadNotes(context: Context, place: string): UploadNotes {
  const directory = join(context.dataDir, "uploads", digest(place));
  const pathOf = (key: string) => join(directory, digest(key));
  return {
    load: (key) => readFile(pathOf(key), "utf8").catch(() => undefined),
    // without the note the copy still succeeds; only resuming it is lost
    async save(key, note) {
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await writeFile(`${pathOf(key)}.${context.pid}`, note, { mode: 0o600 });
        await rename(`${pathOf(key)}.${context.pid}`, pathOf(key));
      } catch {}
    },
    drop: (key) => rm(pathOf(key), { force: true }).catch(() => {}),
  };
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
