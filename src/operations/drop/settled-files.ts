import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../context.ts";
import type { Intake } from "./intake-contract.ts";
import type { KnownRejects } from "./known-rejects.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { currentMark, sameMark } from "../local-files/file-mark.ts";
import { readDropFolder, walkDropPath, type DropFolder, type DropWalk } from "./walk.ts";

export interface SettleOptions {
  /** Milliseconds for which a file must have been unchanged. */
  settle: number;
  /** Whether to wait for young files and check them again; otherwise they are left out. */
  wait: boolean;
  onFolder(folder: DropFolder): void;
  /** Called with the number of files that are perhaps still being written. */
  onUnsettled(count: number): void;
}

/**
 * Yields the files of a drop path that are complete and should be read. The file system does not show whether a file is
 * still being written, so a file counts as complete when it has not changed for the settle time. A file that was
 * renamed into the drop path keeps its old time and is complete at once. A file that needs its neighbours is complete
 * when they are.
 */
export async function* dropCandidates(
  context: Context,
  walk: DropWalk & { intake: Intake },
  memory: KnownRejects,
  { settle, wait, onFolder, onUnsettled }: SettleOptions,
): AsyncGenerator<FoundFile> {
  const together = walk.intake.readsNeighbours;
  const later: { folder: DropFolder; files: FoundFile[] }[] = [];
  let longest = 0;
  for await (const folder of walkDropPath(context, walk)) {
    onFolder(folder);
    const picked = await memory.pick(folder);
    if (picked.length === 0) continue;
    const now = context.now().getTime();
    const isYoung = ({ mark }: FoundFile) => now - mark.mtimeMs < settle;
    const young = (together ? [...folder.files, ...folder.sidecars] : picked).filter(isYoung);
    for (const { mark } of young) longest = Math.max(longest, settle - Math.max(0, now - mark.mtimeMs));
    if (young.length === 0) yield* picked;
    else if (together) later.push({ folder, files: picked });
    else {
      later.push({ folder, files: young });
      yield* picked.filter((file) => !young.includes(file));
    }
  }
  if (later.length > 0 && wait) await sleep(longest, undefined, { signal: context.signal });
  for (const { folder, files } of later) {
    const settled = wait ? await unchangedFiles(folder, files) : [];
    if (settled === undefined) continue;
    onUnsettled(files.length - settled.length);
    yield* settled;
  }

  /** The files that have not changed since the listing; undefined when none exists any more. */
  async function unchangedFiles(folder: DropFolder, files: readonly FoundFile[]): Promise<FoundFile[] | undefined> {
    if (together) {
      const now = await readDropFolder(walk, folder.path);
      if (now === undefined) return undefined;
      return isUntouched(folder, now) ? [...files] : [];
    }
    const settled: FoundFile[] = [];
    let gone = 0;
    for (const file of files) {
      const mark = await currentMark(file.path).catch(() => file.mark);
      if (mark === undefined) gone++;
      else if (sameMark(mark, file.mark)) settled.push(file);
    }
    return gone === files.length ? undefined : settled;
  }
}

function isUntouched(before: DropFolder, now: DropFolder): boolean {
  const [first, second] = [before, now].map(({ files, sidecars }) => [...files, ...sidecars]) as [
    FoundFile[],
    FoundFile[],
  ];
  return (
    first.length === second.length &&
    first.every((file, at) => file.path === second[at]?.path && sameMark(file.mark, second[at].mark))
  );
}
