import type { FileIdentity } from "../../catalog/files.ts";

/** A version as a map key. */
export function versionName({ group, nameKey, normalizedVersion }: Omit<FileIdentity, "qualifier">): string {
  return JSON.stringify([group, nameKey, normalizedVersion]);
}

/** An identity as a map key: equal for two files exactly when they are the same file of the same version. */
export function identityName({ group, nameKey, normalizedVersion, qualifier }: FileIdentity): string {
  return JSON.stringify([group, nameKey, normalizedVersion, qualifier]);
}
