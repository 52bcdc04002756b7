import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../context.ts";
import type { Intake } from "./intake-contract.ts";
import type { DropMemory } from "./known-rejects.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { currentMark, sameMark } from "../local-files/file-mark.ts";
import { readDropFolder, walkDropPath, type DropFolder, type DropWalk } from "./walk.ts";

export interface SettleOptions {
  /** Milliseconds that a file must have been left unchanged. */
  settle: number;
  /** Young files are waited for and looked at again; else they are left. */
  wait: boolean;
  onFolder(folder: DropFolder): void;
  /** Told of files that may still be written to. */
  onUnsettled(count: number): void;
}

/**
 * The files of a drop path that are complete and to be looked at. Nothing tells that somebody is still writing to a
 * file, so it counts as complete when nobody has written to it for the settle time; what was renamed into the drop path
 * has its old time and is taken at once. A file that needs its neighbours is complete when they are.
 */
export async function* dropCandidates(
  context: Context,
  walk: DropWalk & { intake: Intake },
  memory: DropMemory,
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
    const settled = wait ? await stillThere(folder, files) : [];
    if (settled === undefined) continue;
    onUnsettled(files.length - settled.length);
    yield* settled;
  }

  /** Those that nobody has touched; undefined when all are gone. */
  async function stillThere(folder: DropFolder, files: readonly FoundFile[]): Promise<FoundFile[] | undefined> {
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
