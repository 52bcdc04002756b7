import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Whether names below `root` that differ only in case are the same file. Looks up the nearest existing folder that has
 * a letter in its name by its name in the other case. Writes nothing.
 */
export async function foldsCase(root: string, look: typeof stat = stat): Promise<boolean> {
  for (let path = root; dirname(path) !== path; path = dirname(path)) {
    const name = basename(path);
    const other = name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase();
    if (other === name) continue;
    const found = await look(path).catch(() => undefined);
    if (found === undefined) continue;
    const twin = await look(join(dirname(path), other)).catch(() => undefined);
    return twin !== undefined && twin.ino === found.ino && twin.dev === found.dev;
  }
  return false;
}
