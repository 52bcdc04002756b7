import type { Format } from "./format.ts";

const ATTACHED = /\.(?:md5|sha1|sha256|sha512|asc|sig)$/i;

/**
 * Whether a blob of a store is not a package but accompanies packages: a sidecar, an index that a repository is
 * installed from, a checksum or signature of a package file. Nothing may be deleted because of it: unlike sidecars, such
 * files may have a use of their own.
 */
export function accompaniesPackages(format: Format, key: string): boolean {
  const name = key.slice(key.lastIndexOf("/") + 1);
  if (format.isSidecar?.(name) === true || format.repositoryFiles?.test(key) === true) return true;
  if (format.extensions.includes("") || !ATTACHED.test(name)) return false;
  const packageName = name.replace(ATTACHED, "").toLowerCase();
  return format.extensions.some((extension) => packageName.endsWith(extension));
}
