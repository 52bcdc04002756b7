import { lstat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { noteDropFolders, readDropFolders, type DropFolderNote } from "../../catalog/drops.ts";
import type { FeedRow } from "../../catalog/feeds.ts";
import { inBatches } from "../../lib/concurrency/parallel.ts";
import { commit, type Holder } from "../commit/commit.ts";
import type { Context } from "../context.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { isChecksum, withoutChecksum } from "./clean-up.ts";

/** Files whose folders are noted in one transaction. An import reads as many before it stores the first. */
const BATCH = 256;

/** Folders that scans empty, noted in the catalog before, so that the next scan finishes what a dead one began. */
export interface EmptiedFolders {
  /** Passes files on, after their folders are noted. */
  noting(files: AsyncIterable<FoundFile>): AsyncGenerator<FoundFile>;
  /** Whether folders are noted, by this scan or by dead ones. */
  hasNotes(): boolean;
  /** Files that dead scans have imported, as far as the checksums beside them tell, and the folders of such files. */
  left(sidecars: readonly FoundFile[]): Promise<{ imported: string[]; folders: string[] }>;
}

export async function openEmptiedFolders(
  context: Context,
  { feed, root, lock }: { feed: FeedRow; root: string; lock: Holder },
): Promise<EmptiedFolders> {
  const { db } = await context.catalog();
  const before = await readDropFolders(db, feed.id);
  const noted = new Set<string>();

  return {
    async *noting(files) {
      for await (const batch of inBatches(files, BATCH)) {
        await note(new Set(batch.map(({ path }) => dirname(path))).difference(noted));
        yield* batch;
      }
    },
    hasNotes: () => before.length + noted.size > 0,
    async left(sidecars) {
      const folders = new Map<string, DropFolderNote>();
      for (const row of before) {
        const folder = join(root, row.path);
        // a build server may have made a new folder of that name
        if ((await identityOf(folder)) === row.identity) folders.set(folder, row);
      }
      const present = new Set(sidecars.map(({ path }) => path));
      const imported: string[] = [];
      for (const { path, mark } of sidecars) {
        const row = folders.get(dirname(path));
        if (row === undefined || !isChecksum(path)) continue;
        const file = withoutChecksum(path);
        // some tools upload the checksum first: its file is still to come
        if (mark.ctimeMs >= row.notedAt.getTime() || present.has(file)) continue;
        if ((await identityOf(file)) === undefined) imported.push(file);
      }
      return { imported, folders: [...folders.keys()] };
    },
  };

  async function note(folders: ReadonlySet<string>): Promise<void> {
    const notedAt = context.now();
    const notes: DropFolderNote[] = [];
    for (const folder of folders) {
      noted.add(folder);
      const identity = await identityOf(folder);
      if (identity !== undefined) notes.push({ path: relative(root, folder).replaceAll(sep, "/"), identity, notedAt });
    }
    if (notes.length > 0) await commit(db, [lock], (transaction) => noteDropFolders(transaction, feed.id, notes));
  }
}

/** Undefined: there is nothing of that name, or it cannot be seen. File systems give the number of a deleted folder again. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await lstat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.ino} ${found.birthtimeNs}`;
}
