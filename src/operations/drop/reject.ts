import { fileTime } from "../../lib/files/file-time.ts";
import { constants } from "node:fs";
import { copyFile, link, lstat, rm, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { FeedctlError, isFeedctlError } from "../../errors.ts";
import { hasNoHardLinks } from "../../lib/files/hard-links.ts";
import { makeFolders } from "../../lib/files/make-folders.ts";
import { descriptorPath, openFolder, type Folder } from "../../lib/files/open-folder.ts";
import { directoryLocation } from "../../stores/location.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import { overlapsOf, type OccupiedPlace } from "../feed-store/occupied-places.ts";
import {
  changedFile,
  isAbsent,
  markOf,
  openFolderOf,
  openMarked,
  removeSource,
  sameFile,
} from "../local-files/file-mark.ts";

/** Throws `usage` when the directory for rejected files overlaps a drop path or a store. */
export function checkRejectFolder(folder: string, occupied: readonly OccupiedPlace[]): void {
  const overlapOf = overlapsOf(directoryLocation(folder));
  const other = occupied.find((place) => overlapOf(place) !== undefined);
  if (other === undefined) return;
  throw new FeedctlError(
    "usage",
    `${folder} overlaps the ${other.what === "drop path" ? "drop path" : "store"} of ${other.owner}`,
    {
      hint: "choose a directory that no feed uses for --reject-to",
    },
  );
}

/**
 * Moves a rejected file to its relative path below `folder`, with a `.reason.txt` beside it. Overwrites nothing: when
 * the name exists, or that of a folder is a file's, a number is appended. Names that become too long are shortened. Returns
 * the new path; undefined when the file had vanished or changed.
 */
export async function rejectFile(
  file: FoundFile,
  { folder, path, text }: { folder: string; path: string; text: string },
): Promise<string | undefined> {
  const segments = path.split("/");
  const name = segments.pop() as string;
  await makeFolders(folder);
  using target = await openFree(folder, segments);
  try {
    for (let number = 0; ; number++) {
      const free = numbered(name, number);
      const fate = await moveTo(file, target, free, text);
      if (fate !== "exists") return fate === "moved" ? join(target.path, free) : undefined;
    }
  } catch (error) {
    throw target.explain(error);
  }
}

/** Opens the folders of a path, and makes those that do not exist. A name that a file or a link has gets a number. */
async function openFree(root: string, segments: readonly string[]): Promise<Folder> {
  let folder = await openFolder(root);
  for (const name of segments) {
    using parent = folder;
    folder = await openNumbered(parent, name);
  }
  return folder;
}

async function openNumbered(parent: Folder, name: string): Promise<Folder> {
  for (let number = 0; ; number++) {
    try {
      return await parent.folder(numbered(name, number), { create: true });
    } catch (error) {
      if (!["ENOTDIR", "ELOOP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}

/** Of a name, in bytes of UTF-8. */
const LONGEST_NAME = 255;
const REASON = ".reason.txt";

function numbered(name: string, number: number): string {
  // leaves room for the reason's name, so that files whose long names begin alike get reasons of their own
  return number === 0 ? name : shortened(name, LONGEST_NAME - `.${number}${REASON}`.length) + `.${number}`;
}

/** The longest beginning of a name that has no more than so many bytes, and no half characters. */
function shortened(name: string, bytes: number): string {
  let short = name;
  while (Buffer.byteLength(short) > bytes) short = Array.from(short).slice(0, -1).join("");
  return short;
}

/** `changed`: the file had vanished or changed. */
async function moveTo(
  file: FoundFile,
  folder: Folder,
  name: string,
  text: string,
): Promise<"moved" | "exists" | "changed"> {
  const [target, reason] = [folder.at(name), folder.at(shortened(name, LONGEST_NAME - REASON.length) + REASON)];
  if (!(await isNew(writeFile(reason, text, { flag: "wx" })))) return "exists";
  let isMoved = false;
  let isMade = false;
  try {
    isMade = await isNew(linkOrCopy(file, target));
    if (!isMade) return "exists";
    // a link changes nothing but the time of the last change of the file's properties
    isMoved = (await removeSource(file, sameFile)) === "removed";
    return isMoved ? "moved" : "changed";
  } catch (error) {
    if (isAbsent(error) || isFeedctlError(error, "corrupt")) return "changed";
    throw error;
  } finally {
    if (!isMoved) await rm(reason, { force: true });
    if (!isMoved && isMade) await rm(target, { force: true });
  }
}

/** Whether the file was created; false when it exists. */
async function isNew(creation: Promise<void>): Promise<boolean> {
  try {
    await creation;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Links the file to the target: unlike a rename, a link never overwrites. Copies it where links are not supported. */
async function linkOrCopy({ root, path, mark }: FoundFile, target: string): Promise<void> {
  using folder = await openFolderOf(root, path);
  try {
    await link(folder.at(basename(path)), target);
    // another file may have the name by now
    if (sameFile(markOf(await lstat(target)), mark)) return;
    await rm(target, { force: true });
    throw changedFile();
  } catch (error) {
    if (!hasNoHardLinks(error)) throw folder.explain(error);
  }
  await using source = await openMarked(folder.at(basename(path)), mark);
  await copyFile(descriptorPath(source.fd, path), target, constants.COPYFILE_EXCL);
  const time = new Date(fileTime(mark.mtimeMs));
  // some file systems let only the owner of a mount set times
  await utimes(target, time, time).catch(() => {});
}
