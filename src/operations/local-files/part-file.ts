import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { makeFolders } from "../../lib/files/make-folders.ts";
import type { Folder } from "../../lib/files/open-folder.ts";
import { isOwnFile } from "../../lib/files/open-regular-file.ts";
import { lockOwnerName, tryProcessLock } from "../../lib/files/process-lock.ts";
import type { Context } from "../context.ts";

/** What a part file is the beginning of. */
export interface PartOf {
  key: string;
  size: number;
  sha256: string;
}

/** A file beside the target that is being filled. Disposing it deletes it, unless `keep` is set. */
export interface Part extends AsyncDisposable {
  readonly name: string;
  readonly handle: FileHandle;
  /** Bytes that an earlier download has left in it. */
  readonly size: number;
  /** Whether the next download may resume it. */
  keep: boolean;
}

/** Others may be able to write to the folder: the name cannot be guessed, and what has it already is not opened. */
const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
const OLD = constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export async function createPart(
  context: Pick<Context, "randomBytes">,
  file: PartOf,
  place: { folder: Folder; name: string },
  keep = false,
): Promise<Part> {
  const name = `${prefixOf(file, place.name)}${context.randomBytes(8).toString("hex")}.part`;
  return partOf(place.folder, name, { handle: await open(place.folder.at(name), NEW), size: 0, keep });
}

/**
 * Opens the longest part file that an earlier download of the same bytes has left, and deletes the others. Undefined
 * when there is none. One that another user owns, may write, or has a second name for is not touched: its bytes could
 * change after they were verified.
 */
export async function resumePart(file: PartOf, place: { folder: Folder; name: string }): Promise<Part | undefined> {
  const prefix = prefixOf(file, place.name);
  let best: Part | undefined;
  for (const name of await readdir(place.folder.self)) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{16}\.part$/.test(name.slice(prefix.length))) continue;
    const found = await openOwn(place.folder, name);
    if (found === undefined) continue;
    const isUsable = found.size <= file.size && found.size > (best?.size ?? 0);
    const worse = isUsable ? best : found;
    if (worse !== undefined) worse.keep = false;
    await worse?.[Symbol.asyncDispose]();
    if (isUsable) best = found;
  }
  return best;
}

async function openOwn(folder: Folder, name: string): Promise<Part | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder.at(name), OLD);
    const stats = await handle.stat();
    if (isOwnFile(stats)) return partOf(folder, name, { handle, size: stats.size, keep: true });
    await handle.close();
  } catch {
    // a link, a file of another user, or one that another process has just deleted
    await handle?.close();
  }
  return undefined;
}

function partOf(folder: Folder, name: string, part: Pick<Part, "handle" | "size" | "keep">): Part {
  return {
    ...part,
    name,
    async [Symbol.asyncDispose]() {
      await this.handle.close();
      // after a rename the name is gone
      if (!this.keep) await unlink(folder.at(name)).catch(() => {});
    },
  };
}

function prefixOf({ key, sha256 }: PartOf, name: string): string {
  const target = createHash("sha256").update(`${key}\0${name}`).digest("hex").slice(0, 12);
  return `.feedctl-${target}-${sha256.slice(0, 16)}-`;
}

/**
 * Locks a target for resumable downloads: two processes must not fill one part file. The lock is in the data directory,
 * where nobody else can place one. Rejects with `locked`. Undefined when the data directory cannot be written.
 */
export async function lockDownload({ dataDir }: Context, target: string): Promise<AsyncDisposable | undefined> {
  const name = createHash("sha256").update(target).digest("hex").slice(0, 32);
  const folder = join(dataDir, "downloads");
  let lock;
  try {
    await makeFolders(folder, { mode: 0o700 });
    lock = await tryProcessLock(join(folder, `${name}.lock`));
  } catch {
    return undefined;
  }
  if (!("release" in lock))
    throw new FeedctlError("locked", `${lockOwnerName(lock)} is downloading ${target} right now`);
  const { release } = lock;
  return { [Symbol.asyncDispose]: release };
}
