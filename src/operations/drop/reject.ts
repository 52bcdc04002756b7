import { constants } from "node:fs";
import { copyFile, link, mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { directoryLocation, overlap } from "../../stores/location.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import type { OccupiedPlace } from "../feed-store/occupied-places.ts";
import { removeSource } from "../local-files/file-mark.ts";

/** Throws `usage` when the directory for rejected files overlaps a drop path or a store. */
export function checkRejectFolder(folder: string, occupied: readonly OccupiedPlace[]): void {
  const location = directoryLocation(folder);
  const other = occupied.find((place) => overlap(location, place.location) !== undefined);
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
 * the name exists, a number is appended. Returns the new path; undefined when the file had vanished or changed.
 */
export async function rejectFile(
  file: FoundFile,
  { folder, path, text }: { folder: string; path: string; text: string },
): Promise<string | undefined> {
  for (let number = 0; ; number++) {
    const target = join(folder, ...path.split("/")) + (number === 0 ? "" : `.${number}`);
    const reason = `${target}.reason.txt`;
    await mkdir(dirname(target), { recursive: true });
    if (!(await isNew(writeFile(reason, text, { flag: "wx" })))) continue;
    try {
      if (!(await isNew(linkOrCopy(file, target)))) {
        await rm(reason, { force: true });
        continue;
      }
      const fate = await removeSource(file.path, file.mark);
      if (fate === "removed") return target;
      await rm(target, { force: true });
      await rm(reason, { force: true });
      return undefined;
    } catch (error) {
      await rm(reason, { force: true });
      throw error;
    }
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
async function linkOrCopy({ path, mark }: FoundFile, target: string): Promise<void> {
  try {
    return await link(path, target);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EXDEV", "EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK"].includes(code)) throw error;
  }
  await copyFile(path, target, constants.COPYFILE_EXCL);
  const time = new Date(mark.mtimeMs);
  await utimes(target, time, time);
}
