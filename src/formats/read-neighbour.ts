import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { invalid } from "./read-package.ts";

/**
 * The content of a file beside a package; undefined when it does not exist. Links are not followed. Throws
 * `invalid` when it is longer than `limit`.
 */
export async function readBeside(path: string, limit: number): Promise<Buffer | undefined> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    // ELOOP: a link; ENAMETOOLONG: no file can have this name.
    if (["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"].includes((error as NodeJS.ErrnoException).code ?? ""))
      return undefined;
    throw error;
  }
  await using opened = handle;
  const info = await opened.stat();
  if (!info.isFile()) return undefined;
  if (info.size > limit)
    throw invalid(`the file beside it, ${path.split(/[/\\]/).at(-1)}, is longer than ${limit} bytes`);
  return await opened.readFile();
}
