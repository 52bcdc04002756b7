import { link, lstat, rename } from "node:fs/promises";
import { hasNoHardLinks } from "./hard-links.ts";

/**
 * Gives a finished file its final name. Rejects with `EEXIST` if `target` exists. `path` may still exist afterwards.
 * Without hard links this is not atomic: a file that another process creates at the same moment would be replaced.
 */
export async function renameWithoutOverwrite(
  path: string,
  target: string,
  makeLink: typeof link = link,
): Promise<void> {
  try {
    await makeLink(path, target);
  } catch (error) {
    if (!hasNoHardLinks(error)) throw error;
    if ((await lstat(target).catch(() => undefined)) !== undefined)
      throw Object.assign(new Error(`${target} exists`, { cause: error }), { code: "EEXIST", syscall: "link" });
    await rename(path, target);
  }
}
