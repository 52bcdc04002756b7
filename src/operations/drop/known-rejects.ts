import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import type { DropFile } from "../../catalog/drops.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import type { ImportedFile } from "../import/outcome.ts";
import type { FileMark } from "../local-files/file-mark.ts";
import type { DropFolder } from "./walk.ts";

/** Files that earlier scans could not take, so that they are not read and told of again every minute. */
export interface DropMemory {
  /** Those files of a folder that are to be looked at. */
  pick(folder: DropFolder): Promise<FoundFile[]>;
  /** A file could not be taken. Returns whether that is news. */
  note(file: FoundFile, result: ImportedFile): boolean;
  /** A file is gone from the drop path. */
  forget(file: FoundFile): void;
  /** What was passed over, as earlier scans told it. */
  readonly kept: ReadonlyMap<string, { file: FoundFile; row: DropFile }>;
  /** What is to be saved and removed; files that were not found are forgotten only after a complete listing. */
  changes(complete: boolean): { save: DropFile[]; remove: string[] };
  /** What cannot be taken now. */
  waiting(): DropFile[];
}

export interface MemoryOptions {
  pathOf(file: FoundFile): string;
  now: Date;
  /** Everything is looked at again. */
  again: boolean;
  /** Conflicts are none any more. */
  overwrite: boolean;
  /** A file's neighbours decide about it: it is looked at again when there is a new one. */
  readsNeighbours: boolean;
}

export function createDropMemory(rows: ReadonlyMap<string, DropFile>, options: MemoryOptions): DropMemory {
  const { pathOf, now, again, overwrite, readsNeighbours } = options;
  const kept = new Map<string, { file: FoundFile; row: DropFile }>();
  const noted = new Map<string, DropFile>();
  const gone = new Set<string>();

  return {
    kept,
    async pick(folder) {
      const known = new Map<FoundFile, DropFile>();
      for (const file of folder.files) {
        const row = rows.get(pathOf(file));
        if (row !== undefined && isSame(row, file.mark)) known.set(file, row);
      }
      const news =
        known.size < folder.files.length ||
        [...known.values()].some(({ seenAt }) => folder.sidecars.some(({ mark }) => mark.mtimeMs > seenAt.getTime()));
      const picked: FoundFile[] = [];
      for (const file of folder.files) {
        const row = known.get(file);
        if (row === undefined || again || (news && readsNeighbours) || (await mayDoBetter(file, row)))
          picked.push(file);
        else kept.set(row.path, { file, row });
      }
      return picked;
    },
    note(file, { status, reason: why }) {
      const reason = why ?? "";
      const path = pathOf(file);
      const before = rows.get(path);
      const told = status === "conflict" || status === "invalid" ? status : "failed";
      const row = {
        path,
        size: file.mark.size,
        modified: timeOf(file.mark),
        status: told,
        reason,
        seenAt: now,
      } as const;
      noted.set(path, row);
      return before === undefined || !isSame(before, file.mark) || before.status !== told || before.reason !== reason;
    },
    forget(file) {
      const path = pathOf(file);
      noted.delete(path);
      kept.delete(path);
      gone.add(path);
    },
    changes(complete) {
      const left = [...rows.keys()].filter((path) => !kept.has(path) && !noted.has(path));
      return { save: [...noted.values()], remove: left.filter((path) => complete || gone.has(path)) };
    },
    waiting: () => [...[...kept.values()].map(({ row }) => row), ...noted.values()],
  };

  async function mayDoBetter({ path }: FoundFile, { status }: DropFile): Promise<boolean> {
    if (status !== "failed") return status === "conflict" && overwrite;
    try {
      // rights to read and delete change without a trace in the file: asking costs less than reading it
      await access(path, constants.R_OK);
      await access(dirname(path), constants.W_OK);
      return true;
    } catch {
      return false;
    }
  }
}

/** The catalog keeps milliseconds. */
function isSame(row: DropFile, mark: FileMark): boolean {
  return row.size === mark.size && row.modified.getTime() === timeOf(mark).getTime();
}

function timeOf({ mtimeMs }: FileMark): Date {
  return new Date(Math.floor(mtimeMs));
}
