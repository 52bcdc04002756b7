import { constants } from "node:fs";
import { copyFile, link, mkdir, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FeedctlError } from "../../errors.ts";
import { directoryLocation, overlap } from "../../stores/location.ts";
import type { FoundFile } from "../local-files/found-file.ts";
import type { OccupiedPlace } from "../feed-store/occupied-places.ts";
import { removeSource } from "../local-files/file-mark.ts";

/** Files that are moved aside must not land where they would be taken for packages again, or for a store's own. */
export function checkRejectFolder(folder: string, occupied: readonly OccupiedPlace[]): void {
  const location = directoryLocation(folder);
  const other = occupied.find((place) => overlap(location, place.location) !== undefined);
  if (other === undefined) return;
  throw new FeedctlError(
    "usage",
    `${folder} overlaps the ${other.what === "drop path" ? "drop path" : "store"} of ${other.owner}`,
    {
      hint: "choose a directory that is nobody's for --reject-to",
    },
  );
}

/**
 * Moves a bad file to its relative path below `folder`, with a text beside it that says why. Nothing is overwritten: where
 * the name is taken a number is appended. Returns where it went; undefined when it was gone or had changed.
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

async function isNew(made: Promise<void>): Promise<boolean> {
  try {
    await made;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** A link cannot overwrite, which a rename does; where there are none, the file is copied. */
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
