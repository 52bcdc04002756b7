import { basename } from "node:path/posix";
import type { PackageIdentity } from "../../formats/format.ts";

/** Whether a file has the name of its package's canonical key, or another that its format did not warn of. */
export function isWellNamed({ key, warnings }: PackageIdentity, name: string): boolean {
  return warnings.length === 0 || basename(key).toLowerCase() === name.toLowerCase();
}
