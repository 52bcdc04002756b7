import { link, lstat, rename } from "node:fs/promises";

/** What file systems without hard links answer: FAT, exFAT, many network shares. */
const NO_HARD_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/**
 * Gives a finished file its name, unless something stands there: then it rejects with `EEXIST`. The file's own name may
 * stay beside it. Without hard links there is a moment in which somebody else's file of that name would be replaced.
 */
export async function nameNew(path: string, target: string, makeLink: typeof link = link): Promise<void> {
  try {
    await makeLink(path, target);
  } catch (error) {
    if (!NO_HARD_LINKS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    if ((await lstat(target).catch(() => undefined)) !== undefined)
      throw Object.assign(new Error(`${target} exists`, { cause: error }), { code: "EEXIST", syscall: "link" });
    await rename(path, target);
  }
}
