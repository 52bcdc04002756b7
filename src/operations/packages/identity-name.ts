import type { FileIdentity } from "../../catalog/files.ts";

/** One text for one identity: two files with equal ones are the same file of the same version. */
export function identityName({ group, nameKey, normalizedVersion, qualifier }: FileIdentity): string {
  return JSON.stringify([group, nameKey, normalizedVersion, qualifier]);
}
