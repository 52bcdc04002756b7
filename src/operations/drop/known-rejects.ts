import { fileTime } from "../../lib/files/file-time.ts";
import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import type { DropFile } from "../../catalog/drops.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import type { ImportedFile } from "../import/outcome.ts";
import type { FileMark } from "../local-files/file-mark.ts";
import type { DropFolder } from "./walk.ts";

/** Files that earlier scans left in the drop path. They are neither read nor reported again until they change. */
export interface KnownRejects {
  /** The files of a folder that this scan should read. */
  pick(folder: DropFolder): Promise<FoundFile[]>;
  /** Records that a file could not be imported. Returns false when an earlier scan reported the same. */
  note(file: FoundFile, result: ImportedFile): boolean;
  /** Records that the feed has a file, which stays for another one. Returns false when an earlier scan did. */
  keep(file: FoundFile, reason: string): boolean;
  /** Removes a file that is no longer in the drop path. */
  forget(file: FoundFile): void;
  /** Unchanged files that `pick` left out, with the results of earlier scans. */
  readonly kept: ReadonlyMap<string, { file: FoundFile; row: DropFile }>;
  /** The rows to save and the paths to remove. Files that were not found are removed only after a complete listing. */
  changes(complete: boolean): { save: DropFile[]; remove: string[] };
  /** All files that were left, by this scan and earlier ones. */
  waiting(): DropFile[];
}

export interface KnownRejectsOptions {
  pathOf(file: FoundFile): string;
  now: Date;
  /** Read all files again. */
  again: boolean;
  /** Existing packages may be overwritten, so files that were conflicts are read again. */
  overwrite: boolean;
  /** Reading a file requires its folder's other files, so it is read again when one of those is new. */
  readsNeighbours: boolean;
}

/** `rows`: the results of earlier scans, by path. */
export function createKnownRejects(rows: ReadonlyMap<string, DropFile>, options: KnownRejectsOptions): KnownRejects {
  const { pathOf, now, again, overwrite, readsNeighbours } = options;
  const kept = new Map<string, { file: FoundFile; row: DropFile }>();
  const noted = new Map<string, DropFile>();
  const gone = new Set<string>();
  const rowsOfFolder = new Map<string, string[]>();
  for (const path of rows.keys()) {
    const folder = folderOf(path);
    rowsOfFolder.set(folder, [...(rowsOfFolder.get(folder) ?? []), path]);
  }

  return {
    kept,
    async pick(folder) {
      const known = new Map<FoundFile, DropFile>();
      for (const file of folder.files) {
        const row = rows.get(pathOf(file));
        if (row !== undefined && isSame(row, file.mark) && !isChanged(row, file.mark)) known.set(file, row);
      }
      const isKeeping = [...known.values()].some(({ status }) => status === "kept");
      const news =
        known.size < folder.files.length ||
        // the file for which another one is kept may be gone
        (isKeeping && (rowsOfFolder.get(folder.path)?.length ?? 0) > known.size) ||
        [...known.values()].some(({ seenAt }) => folder.sidecars.some(({ mark }) => mark.mtimeMs > seenAt.getTime()));
      const isWanted = new Map<FoundFile, boolean>();
      for (const file of folder.files) {
        const row = known.get(file);
        const wanted = row === undefined || again || (news && readsNeighbours) || (await isWorthRetrying(file, row));
        isWanted.set(file, wanted);
      }
      // the file for which another one is kept may be imported now
      const retries = [...isWanted.values()].includes(true);
      const picked: FoundFile[] = [];
      for (const file of folder.files) {
        const row = known.get(file);
        if (row === undefined || isWanted.get(file) === true || (retries && row.status === "kept")) picked.push(file);
        else kept.set(row.path, { file, row });
      }
      return picked;
    },
    note(file, { status, reason }) {
      return add(file, status === "conflict" || status === "invalid" ? status : "failed", reason ?? "");
    },
    keep: (file, reason) => add(file, "kept", reason),
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

  /** Returns false when an earlier scan recorded the same. */
  function add(file: FoundFile, status: DropFile["status"], reason: string): boolean {
    const path = pathOf(file);
    const before = rows.get(path);
    kept.delete(path);
    noted.set(path, {
      path,
      size: file.mark.size,
      modified: timeOf(file.mark.mtimeMs),
      changed: timeOf(file.mark.ctimeMs),
      status,
      reason,
      seenAt: now,
    });
    return before === undefined || !isSame(before, file.mark) || before.status !== status || before.reason !== reason;
  }

  /** Whether a rejected file may be accepted now although it has not changed. */
  async function isWorthRetrying({ path }: FoundFile, { status }: DropFile): Promise<boolean> {
    if (status !== "failed") return status === "conflict" && overwrite;
    try {
      // permissions change without changing size or time; checking them is cheaper than reading the file
      await access(path, constants.R_OK);
      await access(dirname(path), constants.W_OK);
      return true;
    } catch {
      return false;
    }
  }
}

/** The folder of a path with `/`; empty for the drop path itself. */
function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

/** Whether the file has the recorded size and time. The catalog stores milliseconds. */
function isSame(row: DropFile, mark: FileMark): boolean {
  return row.size === mark.size && row.modified.getTime() === timeOf(mark.mtimeMs).getTime();
}

/**
 * Whether content or properties may have changed since. Such a file is read again, but reported only when the result is
 * new: backup programs and administrators change properties of files too.
 */
function isChanged({ changed }: DropFile, { ctimeMs }: FileMark): boolean {
  return changed !== null && changed.getTime() !== timeOf(ctimeMs).getTime();
}

function timeOf(milliseconds: number): Date {
  return new Date(Math.floor(fileTime(milliseconds)));
}
