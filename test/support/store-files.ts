/** Whether a file in a store is a blob, and not the marker that feedctl writes at its root. For paths and keys. */
export function isBlobName(name: string): boolean {
  return !/(^|[\\/])\.feedctl-store$/.test(name);
}
