import type { Context } from "../context.ts";
import type { Intake } from "./intake-contract.ts";
import type { KnownRejects } from "./known-rejects.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { freshStats, isAbsent, markOf, sameMark } from "../local-files/file-mark.ts";
import { lookTwice } from "../local-files/settled.ts";
import { readDropFolder, walkDropPath, type DropFolder, type DropWalk } from "./walk.ts";

export interface SettleOptions {
  /** Milliseconds for which a file must not change. */
  settle: number;
  onFolder(folder: DropFolder): void;
  /** Called with the number of files that are perhaps still being written. */
  onUnsettled(count: number): void;
}

/**
 * Yields the files of a drop path that are complete and should be read: those that are the same at two looks. A file
 * that needs its neighbours is complete when all files of its folder are.
 */
export async function* dropCandidates(
  context: Context,
  walk: DropWalk & { intake: Intake },
  memory: KnownRejects,
  { settle, onFolder, onUnsettled }: SettleOptions,
): AsyncGenerator<FoundFile> {
  const together = walk.intake.readsNeighbours;
  yield* lookTwice(context, found(), settle, unchangedFiles);

  async function* found(): AsyncGenerator<{ folder: DropFolder; files: FoundFile[] }> {
    for await (const folder of walkDropPath(context, walk)) {
      onFolder(folder);
      const picked = await memory.pick(folder);
      if (picked.length > 0 && together) yield { folder, files: picked };
      else for (const file of picked) yield { folder, files: [file] };
    }
  }

  async function* unchangedFiles(first: { folder: DropFolder; files: FoundFile[] }): AsyncGenerator<FoundFile> {
    const { folder, files } = first;
    const state = together ? await lookAtFolder(walk, folder) : await lookAtFile(files[0] as FoundFile);
    if (state === "same") yield* files;
    else if (state === "changed") onUnsettled(files.length);
  }
}

type SecondLook = "same" | "changed" | "gone";

async function lookAtFile({ path, mark }: FoundFile): Promise<SecondLook> {
  try {
    return sameMark(markOf(await freshStats(path)), mark) ? "same" : "changed";
  } catch (error) {
    // of another error (the share is not reachable) nothing is known: the next scan looks again
    return isAbsent(error) ? "gone" : "changed";
  }
}

async function lookAtFolder(walk: DropWalk, before: DropFolder): Promise<SecondLook> {
  const now = await readDropFolder(walk, before.path);
  if (now === undefined) return "gone";
  const [first, second] = [before, now].map(({ files, sidecars }) => [...files, ...sidecars]) as [
    FoundFile[],
    FoundFile[],
  ];
  const isSame =
    first.length === second.length &&
    first.every((file, at) => file.path === second[at]?.path && sameMark(file.mark, second[at].mark));
  return isSame ? "same" : "changed";
}
